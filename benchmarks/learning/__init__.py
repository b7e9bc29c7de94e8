"""What twenty corrections teach, measured on base volumes that nothing was trained on."""
