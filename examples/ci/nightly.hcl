# What the schedules in this folder run: a file of orders into a table. Up to one
# row in a hundred may be rejected, and is kept.

pipeline {
  name        = "nightly"
  max_rejects = "1%"
  dead_letter = "nightly.rejects.jsonl"
}

variable "table" {
  type        = string
  description = "Table to write"
}

variable "orders" {
  type        = string
  description = "File of orders, or a pattern of several"
  default     = "orders/*.csv.gz"
}

source "csv" "orders" {
  path    = var.orders
  columns = { total = number }
}

transform "validate" "orders" {
  from = source.csv.orders

  rule "total" {
    condition = row.total >= 0
    message   = "total is negative"
  }
}

sink "batch_write" "orders" {
  from           = transform.validate.orders
  table          = var.table
  write_capacity = 500
}
