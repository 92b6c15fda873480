package dynamotest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// EndpointVariable names the environment variable with the URL of the server
// to use in place of starting one.
const EndpointVariable = "DYNAMODB_ENDPOINT"

// Emulators take any region and credentials, but some keep a database for
// each of them, so every test uses the same.
const (
	emulatorRegion = "eu-west-1"
	emulatorKey    = "dynapipetest"
	emulatorSecret = "dynapipetest"
)

// Server is a DynamoDB server for the length of one test.
type Server struct {
	// Endpoint is its URL.
	Endpoint string
	// Config has its endpoint, its region and credentials that it accepts.
	Config aws.Config
	// Credentials are those of Config.
	Credentials aws.Credentials
	// Client is a client of Config.
	Client *dynamodb.Client
}

// Start gives the test a server, and stops it when the test ends. It fails the
// test when there is none to start and none in DYNAMODB_ENDPOINT.
func Start(t testing.TB) *Server {
	t.Helper()
	endpoint := os.Getenv(EndpointVariable)
	if endpoint == "" {
		endpoint = startProcess(t)
	} else if u, err := url.Parse(endpoint); err != nil || u.Scheme == "" || u.Host == "" {
		t.Fatalf("%s is %q, which is no URL such as http://127.0.0.1:8000", EndpointVariable, endpoint)
	}
	cfg, err := configure(t.Context(), endpoint)
	if err != nil {
		t.Fatalf("credentials and region for %s: %v", endpoint, err)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	cfg.HTTPClient = &http.Client{Transport: transport, Timeout: time.Minute}
	creds, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatalf("credentials for %s: %v", endpoint, err)
	}
	return &Server{
		Endpoint: endpoint, Config: cfg, Credentials: creds,
		Client: dynamodb.NewFromConfig(cfg),
	}
}

// configure uses the fixed credentials for an emulator. DynamoDB itself gets
// those of the SDK's chain: what the developer has configured.
func configure(ctx context.Context, endpoint string) (aws.Config, error) {
	if strings.Contains(endpoint, ".amazonaws.com") {
		return config.LoadDefaultConfig(ctx, config.WithBaseEndpoint(endpoint))
	}
	return aws.Config{
		Region:       emulatorRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(emulatorKey, emulatorSecret, ""),
		BaseEndpoint: aws.String(endpoint),
	}, nil
}

// Environ is what a program needs in its environment to use the server when
// its pipeline names no connection.
func (s *Server) Environ() []string {
	return []string{
		"AWS_ENDPOINT_URL_DYNAMODB=" + s.Endpoint,
		"AWS_REGION=" + s.Config.Region,
		"AWS_ACCESS_KEY_ID=" + s.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + s.Credentials.SessionToken,
	}
}

// Connection is a connection block of that name for a pipeline file.
func (s *Server) Connection(name string) string {
	var token string
	if s.Credentials.SessionToken != "" {
		token = fmt.Sprintf("\n  session_token = %q", s.Credentials.SessionToken)
	}
	return fmt.Sprintf(`connection "dynamodb" %q {
  endpoint   = %q
  region     = %q
  access_key = %q
  secret_key = %q%s
}
`, name, s.Endpoint, s.Config.Region, s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, token)
}

// freePort is a TCP port that nothing listened on a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
