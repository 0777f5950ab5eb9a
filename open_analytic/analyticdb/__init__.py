"""The AnalyticDB surface: scripts written for its OpenAnalytic, translated and run, and the routes of its demo."""
