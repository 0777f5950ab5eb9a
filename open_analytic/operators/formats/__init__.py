"""One module for each file format: what a file announces, and its bytes without the parts that pixels do not need.

Metadata never decides whether a picture can be read: only the orientation is taken from it, and Pillow does not see it.
"""
