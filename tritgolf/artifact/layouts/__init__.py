"""Byte layouts of integer codes: one module a layout, chosen by name in ``registry``."""
