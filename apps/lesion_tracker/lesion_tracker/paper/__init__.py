"""The paper's benchmark: its files, DeepLesion's volumes, its scores of diameters and response."""
