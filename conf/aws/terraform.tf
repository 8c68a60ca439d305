# New objects of the bucket cloudtrail-logs under AWSLogs/ announced in the queue
# cloudtrail-events-queue, and what trailfeed needs to read both.
#
# For account 123456789012.
#
# CAUTION: aws_s3_bucket_notification replaces all notifications that the bucket has,
# those of others among them. If it has any, either write them into that resource, too,
# or delete the resource and let this one be added to them:
#
#     trailfeed setup --bucket cloudtrail-logs --queue cloudtrail-events-queue --region us-east-1 --account 123456789012 --apply

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["123456789012"]
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = "cloudtrail-events-queue-dlq"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letter" {
  queue_url = aws_sqs_queue.dead_letter.url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events.arn]
  })
}

resource "aws_sqs_queue" "events" {
  name                       = "cloudtrail-events-queue"
  visibility_timeout_seconds = 600
  message_retention_seconds  = 604800
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter.arn
    maxReceiveCount     = 10
  })
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "FromS3x9684b0fb"
        Effect = "Allow"
        Principal = {
          Service = "s3.amazonaws.com"
        }
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.events.arn
        Condition = {
          ArnEquals = {
            "aws:SourceArn" = "arn:aws:s3:::cloudtrail-logs"
          }
          StringEquals = {
            "aws:SourceAccount" = "123456789012"
          }
        }
      }
    ]
  })
}

resource "aws_s3_bucket_notification" "trail" {
  bucket = "cloudtrail-logs"

  queue {
    id            = "trailfeed-cloudtrail-events-queue"
    queue_arn     = aws_sqs_queue.events.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "AWSLogs/"
  }

  depends_on = [aws_sqs_queue_policy.events]
}

resource "aws_iam_policy" "reader" {
  name        = "cloudtrail-events-queue-reader"
  description = "What trailfeed needs to read cloudtrail-events-queue"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Queue"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.events.arn
      },
      {
        Sid      = "Objectsx32939938"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = "arn:aws:s3:::cloudtrail-logs/AWSLogs/*"
        Condition = {
          StringEquals = {
            "aws:ResourceAccount" = "123456789012"
          }
        }
      },
      {
        Sid      = "Bucketx32939938"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:aws:s3:::cloudtrail-logs"
        Condition = {
          StringEquals = {
            "aws:ResourceAccount" = "123456789012"
          }
        }
      }
    ]
  })
}

output "reader_policy_arn" {
  value = aws_iam_policy.reader.arn
}

output "queue_url" {
  value = aws_sqs_queue.events.url
}

# trailfeed.toml:
#
#     [source]
#     queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/cloudtrail-events-queue"
#     allowed_buckets = ["cloudtrail-logs"]
#
#     [output]
#     address = "unix:///run/trailfeed/forward.sock"
#     receiver = "fluent-bit"
