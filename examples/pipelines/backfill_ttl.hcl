# A time to live for the items that have none: 90 days after the event. An item
# that is deleted meanwhile is not made again, and one that has got a time to live
# keeps it.
#
#   dynapipe run examples/pipelines/backfill_ttl.hcl --var table=latest_reports

variable "table" {
  type        = string
  description = "Table to change"
  default     = "latest_reports"
}

locals {
  days = 90
}

source "dynamodb" "without" {
  table      = var.table
  filter     = !exists(item.expires)
  projection = ["id", "at"]
}

sink "update" "expires" {
  from      = source.dynamodb.without
  table     = var.table
  set       = { expires = floor(row.at / 1000) + local.days * 86400 }
  condition = exists(item.id) && !exists(item.expires)

  on_condition_failure = "skip"
}
