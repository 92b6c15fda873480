# Never overwrite newer data: a report replaces the one of the same earthquake
# only when it is newer. Older ones are left out, and count as filtered.
#
#   dynapipe run examples/pipelines/latest.hcl --var table=latest_reports

variable "table" {
  type        = string
  description = "Table to write"
  default     = "latest_reports"
}

source "json" "features" {
  path    = "examples/data/earthquakes.json"
  pointer = "/features"
}

transform "map" "reports" {
  from = source.json.features
  set = {
    at         = row.properties.time
    updated_at = row.properties.updated
    title      = row.properties.title
    status     = row.properties.status
  }
  keep = ["id", "at", "updated_at", "title", "status"]
}

sink "batch_write" "latest" {
  from      = transform.map.reports
  table     = var.table
  condition = !exists(item.id) || item.updated_at < row.updated_at

  on_condition_failure = "skip"

  create_table {
    partition_key = "id"
  }
}
