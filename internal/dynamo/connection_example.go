package dynamo

// connectionExample has each argument of the block once.
const connectionExample = `connection "dynamodb" "production" {
  region          = "eu-west-1"
  profile         = "reporting"
  role_arn        = "arn:aws:iam::123456789012:role/pipelines"
  external_id     = "dynapipe"
  session_name    = "nightly"
  max_connections = 512
  timeout         = "10s"
}

# A local server. Secrets are better in the environment, or in sensitive variables.
connection "dynamodb" "local" {
  endpoint      = "http://localhost:8000"
  region        = "eu-west-1"
  access_key    = "local"
  secret_key    = var.secret_key
  session_token = var.session_token
}
`
