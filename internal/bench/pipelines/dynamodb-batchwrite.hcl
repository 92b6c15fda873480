source "dynamodb" "users" {
  table    = "source"
  segments = 4
}

sink "batch_write" "users" {
  from  = source.dynamodb.users
  table = "target"
}
