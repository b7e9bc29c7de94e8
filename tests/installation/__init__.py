"""The package where it is not developed: in a wheel, and in an app's folder that was copied elsewhere."""
