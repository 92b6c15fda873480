package dynamo

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/expr"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// bareEnvironment is one in which the SDK's chain finds nothing.
func bareEnvironment(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value) // restores it
			os.Unsetenv(name)
		}
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
}

func decodeConnection(t *testing.T, text string) (*Connection, schema.Decoded, hcl.Diagnostics) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c := NewConnection()
	d := schema.Decoder{Scope: &expr.Scope{Sources: map[string][]byte{"p.hcl": []byte(text)}}}
	decoded, diags := d.Decode(file.Body.(*hclsyntax.Body).Blocks[0], c.Schema())
	return c, decoded, diags
}

func TestConnectionBlock(t *testing.T) {
	s := dynamotest.Start(t)
	bareEnvironment(t)
	c, decoded, diags := decodeConnection(t, s.Connection("main"))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if _, e := call(t, open(t, c)); e != nil {
		t.Error(e)
	}
	// Promise 8.
	for _, setting := range decoded.Settings {
		if setting.Name != "endpoint" && strings.Contains(setting.Value, s.Credentials.SecretAccessKey) {
			t.Errorf("the plan shows %s = %s", setting.Name, setting.Value)
		}
	}
}

func TestConnectionBlockErrors(t *testing.T) {
	for body, want := range map[string]string{
		`endpoint = "localhost:8000"`: "http://localhost:8000",
		`access_key = "AKIA"`:         "go together",
		`session_token = "x"`:         "access_key",
		`external_id = "x"`:           "role_arn",
		`max_connections = 0`:         "at least 1",
		`timeout = "soon"`:            "duration",
		`regoin = "eu-west-1"`:        "region",
	} {
		_, _, diags := decodeConnection(t, "connection \"dynamodb\" \"x\" {\n"+body+"\n}\n")
		if len(diags) != 1 || !strings.Contains(diags[0].Summary+diags[0].Detail, want) {
			t.Errorf("%s: %v, want one diagnostic with %q", body, diags, want)
		}
	}
}

func TestTheSDKsOwnChain(t *testing.T) {
	s := dynamotest.Start(t)
	bareEnvironment(t)
	for _, pair := range s.Environ() {
		if name, value, _ := strings.Cut(pair, "="); value != "" {
			t.Setenv(name, value)
		}
	}
	var none *Connection
	c := open(t, none)
	if _, e := call(t, c); e != nil {
		t.Error(e)
	}
	if c.Place() != strings.TrimSuffix(s.Endpoint, "/") {
		t.Errorf("place %q, want %q", c.Place(), s.Endpoint)
	}
}

func TestProfile(t *testing.T) {
	s := dynamotest.Start(t)
	bareEnvironment(t)
	text := fmt.Sprintf("[profile p]\nregion = %s\nendpoint_url = %s\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n",
		s.Config.Region, s.Endpoint, s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, s.Credentials.SessionToken)
	if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewConnection()
	c.Profile = "p"
	if _, e := call(t, open(t, c)); e != nil {
		t.Error(e)
	}
}

func TestNoConnection(t *testing.T) {
	const secret = "do-not-show-this"
	for _, test := range []struct {
		name string
		set  func(*Connection)
		want string
	}{
		{"no region", func(c *Connection) { c.AccessKey, c.SecretKey = "AKIA", secret }, "AWS_REGION"},
		{"no credentials", func(c *Connection) { c.Region = "eu-west-1" }, "AWS_ACCESS_KEY_ID"},
		{"no such profile", func(c *Connection) { c.Region, c.Profile = "eu-west-1", "nope" }, `profile "nope" is not in the shared`},
		{"region that is none", func(c *Connection) { c.Region, c.AccessKey, c.SecretKey = "eu west", "AKIA", secret }, "eu west"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bareEnvironment(t)
			c := NewConnection()
			test.set(c)
			client, err := c.Client(t.Context())
			if err == nil {
				client.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), secret) {
				t.Errorf("%q: want one line with %q", err, test.want)
			}
		})
	}
}

// max_connections is of all requests, those of the SDK as well.
func TestConnectionsAreShared(t *testing.T) {
	s := dynamotest.Start(t)
	p := proxy(t, s, nil)
	var opened atomic.Int32
	counted := httptest.NewUnstartedServer(p.Config.Handler)
	counted.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	counted.Start()
	t.Cleanup(counted.Close)
	c := NewConnection()
	c.Region, c.Endpoint, c.AccessKey, c.SecretKey, c.MaxConnections = s.Config.Region, counted.URL, "AKIA", "x", 1
	client := open(t, c)
	table := s.CreateTable(t, dynamotest.S("id"))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := client.Describe(t.Context(), table); err != nil {
				t.Error(err)
			}
			if _, err := client.Call(t.Context(), "ListTables", []byte(`{}`)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// tokenService answers AssumeRole with credentials that the server takes, with
// another session token each time, and says what it was asked for.
func tokenService(t *testing.T, s *dynamotest.Server) (asked chan string) {
	t.Helper()
	asked = make(chan string, 10)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked <- r.Form.Get("RoleArn") + " " + r.Form.Get("ExternalId") + " " + r.Form.Get("RoleSessionName")
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>t%d</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`, s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, len(asked))
	}))
	t.Cleanup(sts.Close)
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
	return asked
}

func TestAssumeRole(t *testing.T) {
	s := dynamotest.Start(t)
	bareEnvironment(t)
	asked := tokenService(t, s)
	c := NewConnection()
	c.Region, c.Endpoint, c.AccessKey, c.SecretKey = s.Config.Region, s.Endpoint, "AKIA", "x"
	c.RoleARN, c.ExternalID = "arn:aws:iam::123456789012:role/r", "ext"
	client := open(t, c)
	if got := <-asked; got != "arn:aws:iam::123456789012:role/r ext dynapipe" {
		t.Errorf("asked for %s", got)
	}
	if _, e := call(t, client); e != nil {
		t.Error(e)
	}
}

// Credentials that others can take the place of are no reason to stop.
func TestExpiredCredentials(t *testing.T) {
	s := dynamotest.Start(t)
	bareEnvironment(t)
	asked := tokenService(t, s)
	expire := proxy(t, s, func(r *http.Response) error {
		r.StatusCode = http.StatusBadRequest
		r.Header.Del("X-Amz-Crc32")
		r.Header.Set("X-Amzn-Errortype", "ExpiredTokenException")
		return nil
	})
	fixed := connect(t, s, expire.URL)
	if _, e := call(t, fixed); e == nil || e.Class != Permanent || !strings.Contains(e.Error(), "new credentials") {
		t.Errorf("credentials from the file: %v", e)
	}
	c := NewConnection()
	c.Region, c.Endpoint, c.AccessKey, c.SecretKey = s.Config.Region, expire.URL, "AKIA", "x"
	c.RoleARN = "arn:aws:iam::123456789012:role/r"
	role := open(t, c)
	if _, e := call(t, role); e == nil || e.Class != Retryable {
		t.Errorf("credentials of a role: %v", e)
	}
	if len(asked) != 2 {
		t.Errorf("the role was assumed %d times, want 2", len(asked))
	}
}
