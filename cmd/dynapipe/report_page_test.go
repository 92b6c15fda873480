package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestReportPageInABrowser runs a pipeline that rejects rows and reads a file
// whose name is markup, and opens the page of its report in Chromium.
func TestReportPageInABrowser(t *testing.T) {
	const name = "<script>document.title='owned'<!-- .csv"
	dir, server := t.TempDir(), dynamotest.Start(t)
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var rows strings.Builder
	rows.WriteString("pk,n\n")
	for i := range 500 {
		fmt.Fprintf(&rows, "k%d,%s\n", i, map[bool]string{true: "x", false: "1"}[i%100 == 0])
	}
	write(name, rows.String())
	write("page.hcl", `
pipeline {
  max_rejects = 10
}
source "csv" "in" {
  path = "`+name+`"
}
transform "map" "typed" {
  from = source.csv.in
  set  = { n = tonumber(row.n) }
}
transform "route" "ways" {
  from = transform.map.typed
  output "early" { where = row.pk != "k3" }
}
sink "batch_write" "items" {
  from       = transform.route.ways.early
  connection = connection.dynamodb.here
  table      = "items"
  create_table {
    partition_key = "pk"
  }
}
sink "file" "rest" {
  from = transform.route.ways.otherwise
  path = "rest.jsonl"
}
`+server.Connection("here"))
	cmd := exec.Command("dynapipe", "run", "page.hcl", "--report", "page.html", "--report", "page.json")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	var exit *exec.ExitError
	if out, err := cmd.CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "page.html")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, outside := range []string{"http:", "https:", "src=", "@import", "<script", "<link"} {
		if bytes.Contains(content, []byte(outside)) {
			t.Errorf("the page has %q", outside)
		}
	}
	dom, console := browse(t, path, "--dump-dom")
	if len(console) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(console, "\n"))
	}
	compareWithJSON(t, dom, filepath.Join(dir, "page.json"), name)

	for scheme, dark := range map[string]bool{"0": true, "1": false} {
		shot := filepath.Join(dir, scheme+".png")
		_, console := browse(t, path, "--blink-settings=preferredColorScheme="+scheme, "--screenshot="+shot)
		if len(console) > 0 {
			t.Errorf("the console says:\n%s", strings.Join(console, "\n"))
		}
		background, contrast := brightness(t, shot)
		if dark != (background < 60) || !dark && background < 200 || contrast < 100 {
			t.Errorf("dark: %t, yet the background is %d of 255 and what stands out most differs from it by %d", dark, background, contrast)
		}
	}
}

// TestConsoleIsHeard makes sure that a page with an error is noticed.
func TestConsoleIsHeard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.html")
	if err := os.WriteFile(path, []byte("<!DOCTYPE html><p>Text<script>nothing.of(this)</script>"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, console := browse(t, path, "--dump-dom"); len(console) == 0 {
		t.Error("an error in a page was not noticed")
	}
}

// compareWithJSON checks the page against the JSON report of the same run.
func compareWithJSON(t *testing.T, dom []byte, reportPath, name string) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(dom))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Pipeline string
		Nodes    []struct{ Node string }
		Edges    []struct{ From, To string }
	}
	text, err := os.ReadFile(reportPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if title := words(elements(root, "title", "")[0]); title != "page: done, with rejected rows" {
		t.Errorf("title %q", title)
	}
	if n := len(elements(root, "script", "")); n > 0 {
		t.Errorf("%d scripts", n)
	}
	whole := words(root)
	for _, want := range []string{name + ":2", "500 read", "495 in, 495 out", "early: "} {
		if !strings.Contains(whole, want) {
			t.Errorf("the page does not say %q:\n%s", want, whole)
		}
	}
	if n := len(elements(root, "path", "edge")); n != len(report.Edges) {
		t.Errorf("%d edges are drawn, of %d", n, len(report.Edges))
	}
	if n := len(elements(root, "rect", "box")); n != len(report.Nodes) {
		t.Errorf("%d nodes are drawn, of %d", n, len(report.Nodes))
	}
	lines := elements(root, "polyline", "")
	if charts := elements(root, "figure", ""); len(charts) < 5 || len(lines) < 7 {
		t.Errorf("%d charts with %d lines", len(charts), len(lines))
	}
	for _, line := range lines {
		if points := strings.Fields(attribute(line, "points")); len(points) < 3 || strings.Contains(attribute(line, "points"), "NaN") {
			t.Errorf("a line has the points %q", points)
		}
	}
	for _, table := range elements(root, "table", "") {
		if attribute(table, "id") == "rejects" && !strings.HasSuffix(strings.TrimSpace(words(table)), "5") {
			t.Errorf("rejects: %q", words(table))
		}
	}
}

// browse opens a page in Chromium and returns what it prints, and what the
// page's console says.
func browse(t *testing.T, path string, args ...string) (out []byte, console []string) {
	t.Helper()
	cmd := exec.Command(browser(t), append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1280,1600",
		"--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
	}, append(args, "file://"+path)...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	for _, line := range strings.Split(stderr.String(), "\n") {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	return out, console
}

// browser is the command of a Chromium.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium: make tools installs it, or set CHROMIUM to its command")
	return ""
}

// brightness is that of a screenshot's first pixel, and how far the pixel that
// differs most is from it.
func brightness(t *testing.T, path string) (background, contrast int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y int) int {
		r, g, b, _ := picture.At(x, y).RGBA()
		return int(r+g+b) / 3 / 257
	}
	bounds := picture.Bounds()
	background = at(bounds.Min.X, bounds.Min.Y)
	for x := bounds.Min.X; x < bounds.Max.X; x++ {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			contrast = max(contrast, at(x, y)-background, background-at(x, y))
		}
	}
	return background, contrast
}

// elements finds those with a tag, and a class unless it is empty.
func elements(n *html.Node, tag, class string) []*html.Node {
	var found []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag && (class == "" || attribute(d, "class") == class) {
			found = append(found, d)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text in an element, but for styles.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.TrimSpace(b.String())
}
