"""The mathematics: each operation with its rule, its derivatives both ways, and its equations."""
