package dynamo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dynapipe/dynapipe/internal/dynamo/wire"
)

// Client talks to DynamoDB in one region or at one endpoint with one set of
// credentials. It may be used by several goroutines.
type Client struct {
	sdk       *dynamodb.Client
	creds     aws.CredentialsProvider
	pool      *wire.Pool // nil for an endpoint that net/http has to serve
	signer    *signer    // of requests that the pool carries
	transport *http.Transport
	sdkSigner *v4.Signer
	endpoint  *url.URL
	region    string // that requests are signed for
	place     string
	agent     string
	timeout   time.Duration

	messages sync.Pool    // of *Message
	headRoom atomic.Int32 // that the last head was short of

	contacts  contacts
	renewedAt atomic.Int64 // when credentials were last thrown away, in Unix nanoseconds
}

// newClient makes a client of a complete configuration. An endpoint that is
// not empty is DynamoDB's alone: the configuration also serves the token
// service. The transport carries the configuration's proxies and authorities.
func newClient(ctx context.Context, cfg aws.Config, endpoint string, transport *http.Transport, timeout time.Duration) (*Client, error) {
	options := func(o *dynamodb.Options) {
		// Hot calls can't follow the endpoint of each account; both ways of
		// asking must reach the same place.
		o.AccountIDEndpointMode = aws.AccountIDEndpointModeDisabled
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	}
	sdk := dynamodb.NewFromConfig(cfg, options)
	o := sdk.Options()
	resolved, err := o.EndpointResolverV2.ResolveEndpoint(ctx, dynamodb.EndpointParameters{
		Region:                aws.String(o.Region),
		UseDualStack:          aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		UseFIPS:               aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		Endpoint:              o.BaseEndpoint,
		AccountIdEndpointMode: aws.String(string(aws.AccountIDEndpointModeDisabled)),
	})
	if err != nil {
		return nil, fmt.Errorf("no DynamoDB endpoint for region %q: %s", o.Region, oneLine(err.Error()))
	}
	c := &Client{
		sdk: sdk, transport: transport, creds: o.Credentials, sdkSigner: v4.NewSigner(),
		endpoint: &resolved.URI, region: o.Region, place: o.Region,
		agent: userAgent(), timeout: timeout,
	}
	if c.endpoint.Path == "" {
		c.endpoint.Path = "/"
	}
	if options, ok := smithyauth.GetAuthOptions(&resolved.Properties); ok && len(options) > 0 {
		if region, ok := smithyhttp.GetSigV4SigningRegion(&options[0].SignerProperties); ok {
			c.region = region
		}
	}
	if plainEndpoint(c.endpoint) {
		c.pool = wire.NewPool(transport, c.endpoint)
		c.signer = newSigner(c.endpoint.Host, c.agent, c.region)
	}
	if c.pool != nil {
		// Requests of both kinds share the connections that there may be.
		cfg.HTTPClient = &http.Client{Transport: c.pool, CheckRedirect: stayHere}
		c.sdk = dynamodb.NewFromConfig(cfg, options)
	}
	if o.BaseEndpoint != nil {
		c.place = strings.TrimSuffix(c.endpoint.Redacted(), "/")
	}
	return c, nil
}

// Place is where the client's requests go, for messages: the region, or the
// endpoint when one was given.
func (c *Client) Place() string { return c.place }

// Close drops idle connections. The client stays usable.
func (c *Client) Close() {
	if c.pool != nil {
		c.pool.CloseIdleConnections()
	}
	c.transport.CloseIdleConnections()
}

func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return "dynapipe/" + version
}
