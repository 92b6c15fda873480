package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Connection is a decoded `connection "dynamodb"` block. What it leaves empty
// comes from the SDK's own chain; so does everything for a nil *Connection.
type Connection struct {
	Region         string
	Endpoint       string
	Profile        string
	RoleARN        string
	ExternalID     string
	SessionName    string
	AccessKey      string
	SecretKey      string
	SessionToken   string
	MaxConnections int
	Timeout        time.Duration
}

const (
	defaultMaxConnections = 256
	defaultTimeout        = 30 * time.Second
	// connectTimeout bounds connecting and the TLS handshake, each.
	connectTimeout = 5 * time.Second
	// setUpTimeout bounds finding credentials. The instance role's own service
	// is asked last, and where there is none it takes seconds to say so.
	setUpTimeout = noAnswer
	// writeBuffer holds a batch of usual items with its head, so that it is sent
	// in one piece. It is the price of a connection.
	writeBuffer = 16 << 10
)

const credentialsAdvice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, " +
	"or profile, role_arn, or access_key and secret_key in the connection block"

// NewConnection is a connection of defaults.
func NewConnection() *Connection {
	return &Connection{MaxConnections: defaultMaxConnections, Timeout: defaultTimeout, SessionName: "dynapipe"}
}

// Client makes a client. It finds region and credentials, and asks the table
// service nothing. Close it when it is no longer used.
func (c *Connection) Client(ctx context.Context) (*Client, error) {
	if c == nil {
		c = NewConnection()
	}
	if err := c.checkEndpoint(); err != nil {
		return nil, err
	}
	setUp, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(setUp, c.options()...)
	if err != nil {
		return nil, c.configError(err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region: set region in the connection block, or AWS_REGION, or region in the profile")
	}
	transport, err := transportOf(cfg)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = &http.Client{Transport: transport, CheckRedirect: stayHere}
	if c.RoleARN != "" {
		cfg.Credentials = c.assumeRole(cfg)
	}
	if _, err := cfg.Credentials.Retrieve(setUp); err != nil {
		transport.CloseIdleConnections()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.noCredentials(err)
	}
	return newClient(ctx, cfg, c.Endpoint, transport, c.Timeout)
}

func (c *Connection) options() []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
			WithTransportOptions(c.tune)),
		// What goes wrong is in the errors; standard error is not the SDK's.
		config.WithLogger(logging.Nop{}),
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	}
	if c.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)))
	}
	return options
}

// tune keeps a connection open for every request that may be in flight. Go
// keeps 10 otherwise, and the others pay for a handshake each.
func (c *Connection) tune(t *http.Transport) {
	t.TLSHandshakeTimeout = connectTimeout
	t.MaxIdleConns = c.MaxConnections
	t.MaxIdleConnsPerHost = c.MaxConnections
	t.MaxConnsPerHost = c.MaxConnections
	t.WriteBufferSize = writeBuffer
}

// transportOf is the transport of the configuration, to which the SDK has
// added the authorities of AWS_CA_BUNDLE.
func transportOf(cfg aws.Config) (*http.Transport, error) {
	buildable, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("the SDK's HTTP client is a %T, of which no transport can be had", cfg.HTTPClient)
	}
	return buildable.GetTransport(), nil
}

// assumeRole is credentials of the role, renewed before they expire.
func (c *Connection) assumeRole(cfg aws.Config) aws.CredentialsProvider {
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.RoleARN,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = c.SessionName
			if c.ExternalID != "" {
				o.ExternalID = aws.String(c.ExternalID)
			}
		}))
}

// checkEndpoint catches the endpoint written without its scheme.
func (c *Connection) checkEndpoint() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("endpoint is no URL: write it with its scheme, as http://localhost:8000")
	}
	return nil
}

// configError puts what the SDK says of its configuration into one line.
func (c *Connection) configError(err error) error {
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		where := "the shared configuration and credentials files"
		if len(missing.Filename) > 0 {
			where = strings.Join(missing.Filename, ", ")
		}
		return fmt.Errorf("profile %q is not in %s: see `aws configure list-profiles`", missing.Profile, where)
	}
	return fmt.Errorf("AWS configuration: %s", oneLine(err.Error()))
}

func (c *Connection) noCredentials(err error) error {
	if c.RoleARN != "" {
		return fmt.Errorf("cannot assume role %s: %s", c.RoleARN, oneLine(err.Error()))
	}
	if isTimeout(err) || strings.Contains(err.Error(), "IMDS") {
		// The instance role comes last in the chain: nothing else was set.
		return fmt.Errorf("no AWS credentials: %s", credentialsAdvice)
	}
	return fmt.Errorf("no AWS credentials: %s: %s", oneLine(err.Error()), credentialsAdvice)
}

// Schema declares the block.
func (c *Connection) Schema() schema.Block {
	return schema.Block{
		Summary: "How to reach DynamoDB: region, endpoint and credentials.",
		Example: connectionExample,
		Doc: "Everything is optional. What is left out comes from the AWS SDK's own chain: environment variables, " +
			"the shared configuration and credentials files, container and instance roles. " +
			"`AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_CA_BUNDLE` and the proxy variables work as well.",
		Args: []schema.Arg{
			schema.String("region", &c.Region, "AWS region, as eu-west-1.").DefaultDoc("of the environment or profile"),
			schema.String("endpoint", &c.Endpoint, "URL of another endpoint, as http://localhost:8000.").DefaultDoc("the region's"),
			schema.String("profile", &c.Profile, "Profile of the shared configuration and credentials files."),
			schema.String("role_arn", &c.RoleARN, "Role to assume with the credentials found; its own are renewed as long as the run lasts."),
			schema.String("external_id", &c.ExternalID, "External ID that the role's trust policy asks for."),
			schema.String("session_name", &c.SessionName, "Name of the role's session, which AWS's logs show."),
			schema.String("access_key", &c.AccessKey, "Access key ID, in place of the chain's credentials. Better in the environment or a profile.").Secret(),
			schema.String("secret_key", &c.SecretKey, "Secret access key of access_key.").Secret(),
			schema.String("session_token", &c.SessionToken, "Session token, when access_key is a temporary one.").Secret(),
			schema.Int("max_connections", &c.MaxConnections, "Connections open at most.").AtLeast(1),
			schema.Duration("timeout", &c.Timeout, "Time that one attempt of a request may take; after that it is repeated.").AtLeast(0.001),
		},
		Check: c.check,
	}
}

func (c *Connection) check(r schema.Ranges) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if err := c.checkEndpoint(); err != nil {
		diags = append(diags, diag.Error(r.Of("endpoint"), "Invalid endpoint", "The %s.", err))
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		diags = append(diags, diag.Error(r.Of("access_key"), "Incomplete credentials", "access_key and secret_key go together: set both or neither."))
	}
	if c.SessionToken != "" && c.AccessKey == "" {
		diags = append(diags, diag.Error(r.Of("session_token"), "Incomplete credentials", "session_token needs access_key and secret_key."))
	}
	if c.ExternalID != "" && c.RoleARN == "" {
		diags = append(diags, diag.Error(r.Of("external_id"), "No role", "external_id is for assuming a role: set role_arn."))
	}
	return diags
}
