"""The ternary U-Net, its quantizer and its loss."""
