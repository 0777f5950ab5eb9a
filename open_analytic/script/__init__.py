"""Scripts written for AnalyticDB's OpenAnalytic, translated to PostgreSQL with pgvector and run."""
