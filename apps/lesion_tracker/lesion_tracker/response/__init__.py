"""RECIST 1.1 as rules: what is known of a patient's lesions to a category per study. The paper's score is in `paper/`."""
