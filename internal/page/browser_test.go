package page

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium with one page, which is driven by the DevTools protocol over
// a pipe: messages of JSON that end with a zero byte.
type browser struct {
	t       *testing.T
	in      *os.File
	answers chan message
	session string
	id      int
	log     []string // what the page has complained of, and what it has asked the network for
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct{ Message string }
}

// open opens a page in a browser. It skips where there is none.
func open(t *testing.T, text string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: starts a browser")
	}
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("SKIPPED: no Chromium, so that nobody has looked at the report; make browser installs one")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// The sandbox takes rights that a container does not give. Nothing but the file is opened.
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
		"--no-first-run", "--disable-background-networking", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{inRead, outWrite}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inRead.Close()
	outWrite.Close()
	b := &browser{t: t, in: inWrite, answers: make(chan message, 1000)}
	go func() {
		defer close(b.answers)
		for r := bufio.NewReaderSize(outRead, 1<<20); ; {
			text, err := r.ReadBytes(0)
			if err != nil {
				return
			}
			var m message
			if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m) == nil {
				b.answers <- m
			}
		}
	}()
	t.Cleanup(func() {
		b.session = ""
		b.send("Browser.close", nil, nil)
		inWrite.Close()
		cmd.Wait()
		outRead.Close()
	})
	var target struct{ TargetID string }
	b.send("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.send("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		b.send(domain+".enable", nil, nil)
	}
	b.send("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	b.value(`new Promise(done => { const ready = () => document.readyState === "complete" && document.querySelector("main") ? done(true) : setTimeout(ready, 20); ready(); })`, nil)
	return b
}

// send sends a command and reads its answer.
func (b *browser) send(method string, params, to any) {
	b.t.Helper()
	b.id++
	command := map[string]any{"id": b.id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	limit := time.After(time.Minute)
	for {
		select {
		case <-limit:
			b.t.Fatalf("%s: no answer", method)
		case m, ok := <-b.answers:
			switch {
			case !ok:
				if method != "Browser.close" {
					b.t.Fatalf("%s: the browser has ended", method)
				}
				return
			case m.ID == b.id && m.Error != nil:
				b.t.Fatalf("%s: %s", method, m.Error.Message)
			case m.ID == b.id:
				if to != nil {
					if err := json.Unmarshal(m.Result, to); err != nil {
						b.t.Fatal(err)
					}
				}
				return
			case m.Method == "Runtime.exceptionThrown", m.Method == "Runtime.consoleAPICalled", m.Method == "Log.entryAdded":
				b.log = append(b.log, string(m.Params))
			case m.Method == "Network.requestWillBeSent" && !bytes.Contains(m.Params, []byte(`"documentURL":"file:`)):
				b.log = append(b.log, string(m.Params))
			case m.Method == "Network.requestWillBeSent" && !bytes.Contains(m.Params, []byte(`"type":"Document"`)):
				b.log = append(b.log, string(m.Params))
			}
		}
	}
}

// value evaluates an expression.
func (b *browser) value(expression string, to any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.send("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &got)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, got.ExceptionDetails)
	}
	if to != nil {
		if err := json.Unmarshal(got.Result.Value, to); err != nil {
			b.t.Fatalf("%s: %v in %s", expression, err, got.Result.Value)
		}
	}
}

// show sets the width, the medium and the colour scheme, and keeps what it looks like where
// PASPO_SCREENSHOTS names a folder.
func (b *browser) show(width int, medium, scheme string) {
	b.t.Helper()
	b.send("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.send("Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	dir := os.Getenv("PASPO_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.send("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%d.png", filepath.Base(b.t.Name()), medium, scheme, width)), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// layoutFaults finds what is laid out badly: a page that is wider than its window, text of drawings
// that is cut off, too small, or over other text, and colours that are too faint (WCAG 2.2,
// 1.4.3 and 1.4.11).
const layoutFaults = `(() => {
  const faults = [], root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push("the page is " + root.scrollWidth + " wide");
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect(), name = svg.getAttribute("aria-label").slice(0, 40);
    if (frame.width === 0) continue;
    const texts = [...svg.querySelectorAll("text")].filter(t => t.textContent).map(t => ({ text: t.textContent, box: t.getBoundingClientRect() }));
    texts.forEach((a, i) => {
      if (a.box.left < frame.left - 1 || a.box.right > frame.right + 1 || a.box.top < frame.top - 1 || a.box.bottom > frame.bottom + 1) faults.push(name + ": cut off: " + a.text);
      if (Math.min(a.box.height, a.box.width || 99) < 8 && a.text.length > 1) faults.push(name + ": too small: " + a.text);
      for (const b of texts.slice(i + 1))
        if (a.box.left < b.box.right - 2 && b.box.left < a.box.right - 2 && a.box.top < b.box.bottom - 3 && b.box.top < a.box.bottom - 3) faults.push(name + ": " + a.text + " over " + b.text);
    });
  }
  const light = colour => colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = light(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour, least, what) => {
    const c = light(colour), ratio = (Math.max(c, back) + 0.05) / (Math.min(c, back) + 0.05);
    if (ratio < least) faults.push(what + " has a contrast of " + ratio.toFixed(2));
  };
  contrast(getComputedStyle(document.body).color, 7, "text");
  for (const e of document.querySelectorAll(".dim, .note, dt, figcaption")) contrast(getComputedStyle(e).color, 4.5, e.className || e.tagName);
  for (const e of document.querySelectorAll(".legend label")) contrast(getComputedStyle(e).color, 3, e.className);
  for (const e of document.querySelectorAll("svg text")) contrast(getComputedStyle(e).fill, 4.5, "text of a drawing");
  return [...new Set(faults)];
})()`

// look holds a page to what it must be in any window.
func look(t *testing.T, text string) *browser {
	b := open(t, text)
	for _, c := range []struct {
		width          int
		medium, scheme string
	}{{360, "screen", "light"}, {768, "screen", "light"}, {1280, "screen", "light"}, {1280, "screen", "dark"}, {360, "screen", "dark"}, {718, "print", "dark"}} {
		b.show(c.width, c.medium, c.scheme)
		var faults []string
		b.value(layoutFaults, &faults)
		for _, f := range faults {
			t.Errorf("%d wide, %s, %s: %s", c.width, c.medium, c.scheme, f)
		}
		var back string
		b.value(`getComputedStyle(document.body).backgroundColor`, &back)
		if dark := back != "rgb(255, 255, 255)"; dark != (c.scheme == "dark" && c.medium == "screen") {
			t.Errorf("%s, %s: the background is %s", c.medium, c.scheme, back)
		}
	}
	var printed struct{ Data string }
	b.send("Page.printToPDF", map[string]any{"preferCSSPageSize": true}, &printed)
	if pdf, err := base64.StdEncoding.DecodeString(printed.Data); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("nothing to print: %v", err)
	} else if dir := os.Getenv("PASPO_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(t.Name())+".pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.show(1280, "screen", "light")

	// What assistive technology is told.
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	b.send("Accessibility.getFullAXTree", nil, &tree)
	count := map[string]int{}
	seen := map[string]bool{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		switch role {
		case "image", "img", "checkbox", "button", "columnheader", "region", "group", "DisclosureTriangle":
			if n.Ignored {
				continue
			}
			name, _ := n.Name.Value.(string)
			count[role]++
			if strings.TrimSpace(name) == "" && role != "group" {
				t.Errorf("a %s has no name", role)
			}
			if role == "image" && seen[name] {
				t.Errorf("two drawings are called %q", name)
			}
			seen[name] = role == "image"
		}
	}
	var drawings int
	b.value(`[...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width).length`, &drawings)
	if images := count["image"] + count["img"]; images != drawings || drawings == 0 {
		t.Errorf("%d images are known for %d drawings", images, drawings)
	}
	return b
}

// inBrowser holds a page to what it must do in a browser: be laid out well on a phone, a
// tablet and a desk, in the dark and on paper, sort and hide, have names for what it draws, and
// neither complain nor load anything.
func inBrowser(t *testing.T, text string) {
	b := look(t, text)

	const sorting = `(() => {
  const table = document.querySelector("table"), head = table.querySelectorAll("th")[1], keys = () => [...table.tBodies[0].rows].map(r => r.cells[1].dataset.key);
  head.querySelector("button").click(); const down = [keys(), head.ariaSort];
  head.querySelector("button").click(); return { down, up: [keys(), head.ariaSort] };
})()`
	var sorted struct{ Down, Up [2]any }
	b.value(sorting, &sorted)
	for order, got := range map[string][2]any{"descending": sorted.Down, "ascending": sorted.Up} {
		var last float64
		for i, key := range got[0].([]any) {
			var x float64
			if _, err := fmt.Sscan(key.(string), &x); err != nil {
				t.Fatalf("key %q: %v", key, err)
			}
			if i > 0 && (order == "descending" && x > last || order == "ascending" && x < last) {
				t.Errorf("%s: %v after %v", order, x, last)
			}
			last = x
		}
		if got[1] != order {
			t.Errorf("%s: the head says %v", order, got[1])
		}
	}

	const hiding = `(() => {
  const section = document.querySelector(".legend").closest("section"), box = section.querySelector("input"), of = "[data-series=" + box.dataset.hides + "]";
  const shown = of => [...document.querySelectorAll(of)].filter(g => getComputedStyle(g).display !== "none").length;
  const all = shown("[data-series]"), own = section.querySelectorAll(of).length;
  box.click(); const hidden = all - shown("[data-series]"); box.click();
  return [own, hidden, all - shown("[data-series]")];
})()`
	var hidden [3]int
	b.value(hiding, &hidden)
	if hidden[0] < 4 || hidden[1] != hidden[0] || hidden[2] != 0 {
		t.Errorf("of %d drawn, %d were hidden, and %d stayed so", hidden[0], hidden[1], hidden[2])
	}
	for _, line := range b.log {
		t.Errorf("the page: %s", line)
	}
}
