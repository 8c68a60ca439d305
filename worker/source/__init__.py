"""SQS messages, the S3 notifications in them, and the objects that these name."""
