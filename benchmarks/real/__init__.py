"""What a reader gets on real people: answered, found, right, wrong, and wrong but called found."""
