"""PostgreSQL: the schema, pipelines, collections, their rows, indexes and searches. The only room that speaks SQL."""
