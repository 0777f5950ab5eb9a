"""Which of ImageNet's classes are right for a photo, by the words in the file names of the developers' photo set."""

import re

# Words that are a class, or two classes of one thing.
EXACT = """
goldfish: 1; scorpion: 71; tick: 78; centipede: 79; koala_bear: 105; jellyfish: 107; snail: 113; isopod: 126;
lion: 291; tiger: 292; ladybug: 301; bee: 309; ant: 310; dragonfly: 319; starfish: 327; hamster: 333;
porcupine: 334; zebra: 340; hippopotamus: 344; otter: 360; skunk: 361; armadillo: 363; red_panda: 387;
giant_panda: 388; accordion: 401; backpack: 414; balance_beam: 416; band_aid: 419; banjo: 420; baseball: 429;
basketball: 430; bathing_cap: 433; beaker: 438; binder: 446; bow_tie: 457; brassiere: 459; can_opener: 473;
cello: 486; chain_saw: 491; chime: 494; cocktail_shaker: 503; computer_keyboard: 508; corkscrew: 512;
croquet_ball: 522; crutch: 523; diaper: 529; digital_clock: 530; dishwasher: 534; dumbbell: 543;
electric_fan: 545; face_powder: 551; flute: 558; french_horn: 566; frying_pan: 567; golf_ball: 574;
golfcart: 575; hair_spray: 585; hammer: 587; harmonica: 593; harp: 594; horizontal_bar: 602; iPod: 605;
ladle: 618; laptop: 620; lipstick: 629; maillot: 638-639; maraca: 641; microphone: 650; microwave: 651;
milk_can: 653; miniskirt: 655; computer_mouse: 673; nail: 677; neck_brace: 678; oboe: 683; pencil_box: 709;
pencil_sharpener: 710; perfume: 711; pitcher: 725; plastic_bag: 728; plate_rack: 729; flower_pot: 738;
power_drill: 740; printer: 742; puck: 746; punching_bag: 747; purse: 748; refrigerator: 760;
remote_control: 761; rubber_eraser: 767; rugby_ball: 768; ruler: 769; screwdriver: 784; ski: 795;
snowmobile: 802; snowplow: 803; soap_dispenser: 804; soccer_ball: 805; spatula: 813; stethoscope: 823;
stove: 827; strainer: 828; stretcher: 830; swimming_trunks: 842; syringe: 845; tape_player: 848;
tennis_ball: 852; toaster: 859; trombone: 875; unicycle: 880; vacuum: 882; violin: 889; volleyball: 890;
waffle_iron: 891; washer: 897; water_bottle: 898; wine_bottle: 907; traffic_light: 920; guacamole: 924;
popsicle: 929; bagel: 931; pretzel: 932; hotdog: 934; head_cabbage: 936; cucumber: 943; artichoke: 944;
bell_pepper: 945; strawberry: 949; orange: 950; lemon: 951; fig: 952; pineapple: 953; banana: 954;
pomegranate: 957; pizza: 963; burrito: 965; sunglasses: 836-837; saxophone: 776; hair_dryer: 589;
filing_cabinet: 553; drum: 541; trumpet: 513; hat_with_a_wide_brim: 515 808; bow: 456; bookshelf: 453;
racket: 752; mushroom: 947; ping-pong_ball: 722;
"""

# Words that are wider than any class: each of these is right.
WIDER = """
ray: 5-6; bird: 7-24 80-100 127-146; frog: 30-32; turtle: 33-37; lizard: 38-48; snake: 52-68; whale: 147-148;
seal: 150; dog: 151-268; fox: 277-280; domestic_cat: 281-285; bear: 294-297; butterfly: 321-326;
rabbit: 330-332; squirrel: 335; horse: 339; swine: 341-343; cattle: 345; sheep: 348-349; antelope: 351-353;
camel: 354; monkey: 370-382; elephant: 101 385-386; lobster: 122-123; coffee_maker: 505 550;
tv_or_monitor: 664 782 851; cream: 631; helmet: 518 560 715; guitar: 402 546; bench: 703; bicycle: 444 671;
bowl: 659 809; bus: 654 779 874; car: 407 436 468 511 609 627 656 661 751 817; cart: 603 612 690 791;
chair: 423 559 765 857; airplane: 404 895; axe: 596; baby_bed: 431 516 520; lamp: 619 846; motorcycle: 665 670;
cup_or_mug: 504 968; piano: 579 881; salt_or_pepper_shaker: 773; sofa: 831; table: 526 532 736; tie: 451 906;
train: 466 547 820; watercraft: 403 472 484 510 554 576 625 628 724 780 814 833 871 914; hamburger: 933;
apple: 948;
"""


def _classes(table: str) -> dict[str, frozenset[int]]:
    """The numbers of classes by word."""
    entries = re.findall(r"([\w-]+): ([\d -]+);", table)
    return {word: frozenset(number for part in text.split() for number in _range(part)) for word, text in entries}


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


EXACT_CLASSES, WIDER_CLASSES = _classes(EXACT), _classes(WIDER)
