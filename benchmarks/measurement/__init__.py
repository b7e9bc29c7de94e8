"""How well one click is measured: outlines of real lesions, implants with true outlines, growth between two scans."""
