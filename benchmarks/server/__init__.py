"""What a real server takes of a machine: memory with two large studies."""
