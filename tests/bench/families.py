"""Which photos are of the same kind, by the words in the file names of the developers' photo set."""

KINDS = {
    "fish and sea animals": "goldfish ray jellyfish lobster starfish whale seal",
    "reptiles and frogs": "frog turtle lizard snake",
    "insects and the like": "scorpion tick centipede snail isopod ladybug bee ant dragonfly butterfly",
    "furry animals": "koala_bear dog fox domestic_cat lion tiger bear rabbit hamster porcupine squirrel otter skunk "
    "armadillo monkey red_panda giant_panda",
    "hoofed animals": "horse zebra swine hippopotamus cattle sheep antelope camel elephant",
    "wind instruments": "trumpet flute french_horn harmonica oboe saxophone trombone accordion",
    "string and other instruments": "banjo cello guitar harp violin piano drum maraca chime",
    "road vehicles": "bicycle bus car cart golfcart motorcycle snowmobile snowplow unicycle",
    "balls": "baseball basketball croquet_ball golf_ball ping-pong_ball puck rugby_ball soccer_ball tennis_ball "
    "volleyball",
    "fruit": "apple strawberry orange lemon fig pineapple banana pomegranate",
    "vegetables": "head_cabbage cucumber artichoke bell_pepper mushroom",
    "dishes": "guacamole bagel pretzel hamburger hotdog pizza burrito popsicle",
    "hand tools": "axe hammer screwdriver power_drill chain_saw nail can_opener corkscrew",
    "kitchen things": "bowl frying_pan ladle spatula strainer cup_or_mug pitcher beaker cocktail_shaker coffee_maker "
    "waffle_iron milk_can salt_or_pepper_shaker plate_rack",
    "kitchen machines": "dishwasher microwave refrigerator stove toaster washer",
    "furniture": "baby_bed bench bookshelf chair filing_cabinet sofa table",
    "electronics": "computer_keyboard computer_mouse digital_clock iPod laptop printer remote_control tape_player "
    "tv_or_monitor",
    "clothes": "bathing_cap bow_tie brassiere hat_with_a_wide_brim helmet maillot miniskirt swimming_trunks tie",
    "bottles and cosmetics": "cream face_powder hair_spray lipstick perfume soap_dispenser water_bottle wine_bottle",
}
FAMILIES = {word: family for family, words in KINDS.items() for word in words.split()}
