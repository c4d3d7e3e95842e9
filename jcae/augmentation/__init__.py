"""Random changes of images that leave what they show: maps, colours, blur, and the recipes that name them."""
