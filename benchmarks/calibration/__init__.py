"""What confidences mean: fitted on studies that neither training nor the final figures use."""
