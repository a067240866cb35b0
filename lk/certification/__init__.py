"""From a trained group network to certified accuracy: finders, verifiers, progress measures, rows and page."""
