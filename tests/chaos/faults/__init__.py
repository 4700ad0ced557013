"""What is done to the product, one module for each part of it that suffers."""
