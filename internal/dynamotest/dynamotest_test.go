package dynamotest

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.uber.org/goleak"
)

// The process tests must also pass where only DYNAMODB_ENDPOINT is there, so
// the server that they start is this test binary, told by these variables:
// standIn has it listen as the server does, orphan has it start a stand-in, say
// where it listens, and wait to be killed.
const (
	standInVariable = "DYNAMOTEST_STAND_IN"
	orphanVariable  = "DYNAMOTEST_ORPHAN"
)

func TestMain(m *testing.M) {
	if os.Getenv(standInVariable) != "" {
		standIn(os.Args[1:])
	}
	goleak.VerifyTestMain(m)
}

// standIn serves the command line that the server is started with.
func standIn(args []string) {
	// --host HOST --port PORT
	l, err := net.Listen("tcp", net.JoinHostPort(args[1], args[3]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, banner, l.Addr())
	for {
		if _, err := l.Accept(); err != nil {
			os.Exit(1)
		}
	}
}

func TestItemsComeBack(t *testing.T) {
	server := Start(t)
	table := server.Create(t, Table{
		Keys:    []Key{S("pk"), N("sk")},
		Indexes: []Index{{Name: "by-state", Keys: []Key{S("state"), S("pk")}}},
	})
	want := map[string]Item{}
	for i := range 60 {
		item := Item{
			"pk":    &types.AttributeValueMemberS{Value: "airport"},
			"sk":    &types.AttributeValueMemberN{Value: fmt.Sprint(i)},
			"state": &types.AttributeValueMemberS{Value: "MS"},
		}
		want[fmt.Sprintf("airport/%d", i)] = item
	}
	server.Put(t, table, slices.Collect(maps.Values(want))...)
	if got := server.ItemsBy(t, table, "pk", "sk"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %d items that differ from the %d put", len(got), len(want))
	}
	out, err := server.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out.Table.GlobalSecondaryIndexes); n != 1 {
		t.Errorf("%d indexes, want 1", n)
	}
}

func TestEndpointVariableIsUsedInsteadOfAProcess(t *testing.T) {
	first := Start(t)
	t.Setenv(EndpointVariable, first.Endpoint)
	var table string
	t.Run("shared", func(t *testing.T) {
		second := Start(t)
		if second.Endpoint != first.Endpoint {
			t.Fatalf("endpoint %s, want %s", second.Endpoint, first.Endpoint)
		}
		table = second.CreateTable(t, S("pk"))
		if got := first.Items(t, table); len(got) != 0 {
			t.Errorf("a new table has %d items", len(got))
		}
	})
	_, err := first.Client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err == nil {
		t.Errorf("table %s is still there after its test", table)
	}
}

func TestConnectionAndEnvironNameTheServer(t *testing.T) {
	server := Start(t)
	for _, text := range []string{server.Connection("main"), strings.Join(server.Environ(), "\n")} {
		for _, part := range []string{server.Endpoint, server.Config.Region, server.Credentials.SecretAccessKey} {
			if !strings.Contains(text, part) {
				t.Errorf("no %s in:\n%s", part, text)
			}
		}
	}
}

func TestTakenPortIsAnError(t *testing.T) {
	t.Setenv(standInVariable, "1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	p, err := launch(os.Args[0], port)
	if err == nil {
		p.stop()
		t.Fatal("the server started on a port that is taken")
	}
	for _, part := range []string{port, "exit status 1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %s", err, part)
		}
	}
}

func TestBinaryThatCannotRunIsAnError(t *testing.T) {
	p, err := launch(filepath.Join(t.TempDir(), "nothing"), "1")
	if err == nil {
		p.stop()
		t.Fatal("a binary that is not there was started")
	}
}

func TestStoppedServerIsGone(t *testing.T) {
	t.Setenv(standInVariable, "1")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p, err := launch(os.Args[0], port)
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
		conn.Close()
		t.Error("something still listens after stop")
	}
}

func TestMissingBinarySaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "sub"))
	_, err := findBinary()
	if err == nil {
		t.Fatal("found a server in an empty module")
	}
	for _, part := range []string{"make tools", EndpointVariable} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %s", err, part)
		}
	}
}

// A test binary that is killed (a timeout, an impatient developer) must not
// leave its server behind.
func TestServerDiesWithTheTestBinary(t *testing.T) {
	if os.Getenv(orphanVariable) != "" {
		orphan(t)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), orphanVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the child's server is not up: %v", err)
	}
	defer conn.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The server's end closes the connection; go test's own timeout is the limit.
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from an idle connection", n)
	}
	_ = cmd.Wait()
}

func orphan(t *testing.T) {
	t.Setenv(standInVariable, "1")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := launch(os.Args[0], port); err != nil {
		t.Fatal(err)
	}
	fmt.Println("127.0.0.1:" + port)
	select {}
}
