// loadgen sends HTTP/1.1 calls over mutual TLS and measures each of them. It exists because wrk, h2load and their kin
// cannot show a client certificate, and because a fixed rate needs latency from the moment a call was due (no
// coordinated omission).
//
// Everything is bounded: by -seconds or by -calls, and by a time-out for each call. It talks to loopback addresses only.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type plan struct {
	address, host, method, path string
	headers                     []string
	bodies                      [][]byte
	sent                        atomic.Int64
	correlation                 bool
	keepAlive                   bool
	connections                 int
	calls                       int64
	duration, warmUp, timeout   time.Duration
	rate                        float64
	tls                         []*tls.Config
	head                        [][]byte
}

type result struct {
	Calls      int64            `json:"calls"`
	CallsAll   int64            `json:"calls_all"`
	Seconds    float64          `json:"seconds"`
	PerSecond  float64          `json:"per_second"`
	Statuses   map[string]int64 `json:"statuses"`
	Errors     map[string]int64 `json:"errors"`
	P50        float64          `json:"p50_ms"`
	P90        float64          `json:"p90_ms"`
	P99        float64          `json:"p99_ms"`
	P999       float64          `json:"p999_ms"`
	Max        float64          `json:"max_ms"`
	Mean       float64          `json:"mean_ms"`
	Handshakes int64            `json:"handshakes"`
	BytesIn    int64            `json:"bytes_in"`
}

type tally struct {
	micros     []int64
	statuses   map[int]int64
	errors     map[string]int64
	handshakes int64
	bytesIn    int64
	all        int64
}

func main() {
	var p plan
	var headers list
	var ca, certs, bodyFile, tokens string
	seconds := flag.Float64("seconds", 10, "how long to measure")
	warm := flag.Float64("warm-up", 1, "seconds that are not measured")
	timeout := flag.Float64("timeout", 10, "seconds a call may take")
	flag.StringVar(&p.address, "address", "", "host:port of the server; loopback only")
	flag.StringVar(&p.host, "host", "localhost", "Host and SNI")
	flag.StringVar(&p.method, "method", "GET", "")
	flag.StringVar(&p.path, "path", "/", "")
	flag.Var(&headers, "header", "name: value; repeatable")
	flag.StringVar(&ca, "ca", "", "PEM file of the server's authority; without it plain HTTP is spoken")
	flag.StringVar(&certs, "certs", "", "client certificates: cert.pem:key.pem, several separated by commas, spread over the connections")
	flag.StringVar(&tokens, "tokens", "", "file of one Authorization value a line, in the order of -certs")
	flag.StringVar(&bodyFile, "body", "", "file of the body; several of one size, separated by commas, are sent in turn")
	flag.BoolVar(&p.correlation, "correlation", true, "send an X-Correlation-ID of its own with each call")
	flag.BoolVar(&p.keepAlive, "keep-alive", true, "false: a new connection, and handshake, for each call")
	flag.IntVar(&p.connections, "connections", 1, "")
	flag.Int64Var(&p.calls, "calls", 0, "stop after so many calls (0: after -seconds)")
	flag.Float64Var(&p.rate, "rate", 0, "calls a second over all connections; 0: as fast as answers come")
	flag.Parse()
	p.duration, p.warmUp, p.timeout = span(*seconds), span(*warm), span(*timeout)
	if err := p.prepare(ca, certs, tokens, bodyFile, headers); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	if err := out.Encode(p.run()); err != nil {
		os.Exit(1)
	}
}

type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func span(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func (p *plan) prepare(ca, certs, tokens, bodyFile string, headers []string) error {
	host, _, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errors.New("-address must be a loopback address")
	}
	if p.duration > 10*time.Minute || p.connections < 1 || p.connections > 4096 {
		return errors.New("-seconds at most 600, -connections 1 to 4096")
	}
	if bodyFile != "" {
		for _, name := range strings.Split(bodyFile, ",") {
			body, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if p.bodies = append(p.bodies, body); len(body) != len(p.bodies[0]) {
				return errors.New("-body wants files of one size")
			}
		}
	}
	if ca != "" {
		if err := p.loadTLS(ca, certs); err != nil {
			return err
		}
	}
	return p.loadHeads(headers, tokens)
}

func (p *plan) loadTLS(ca, certs string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", ca)
	}
	for _, pair := range strings.Split(certs, ",") {
		config := &tls.Config{RootCAs: pool, ServerName: p.host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
		if pair != "" {
			files := strings.SplitN(pair, ":", 2)
			if len(files) != 2 {
				return errors.New("-certs wants cert.pem:key.pem")
			}
			certificate, err := tls.LoadX509KeyPair(files[0], files[1])
			if err != nil {
				return err
			}
			config.Certificates = []tls.Certificate{certificate}
		}
		p.tls = append(p.tls, config)
	}
	return nil
}

func (p *plan) loadHeads(headers []string, tokens string) error {
	lines := []string{""}
	if tokens != "" {
		text, err := os.ReadFile(tokens)
		if err != nil {
			return err
		}
		lines = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	for _, authorization := range lines {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", p.method, p.path, p.host)
		for _, h := range headers {
			b.WriteString(h + "\r\n")
		}
		if authorization != "" {
			b.WriteString("Authorization: " + authorization + "\r\n")
		}
		if len(p.bodies) > 0 {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(p.bodies[0]))
		}
		if !p.keepAlive {
			b.WriteString("Connection: close\r\n")
		}
		p.head = append(p.head, []byte(b.String()))
	}
	return nil
}

func (p *plan) run() result {
	begin := time.Now().Add(p.warmUp)
	end := begin.Add(p.duration)
	var left atomic.Int64
	left.Store(p.calls)
	tallies := make([]*tally, p.connections)
	var wait sync.WaitGroup
	for n := range tallies {
		tallies[n] = &tally{statuses: map[int]int64{}, errors: map[string]int64{}}
		wait.Add(1)
		go func() {
			defer wait.Done()
			p.send(n, tallies[n], begin, end, &left)
		}()
	}
	wait.Wait()
	return sum(tallies, time.Since(begin).Seconds())
}

// send is one client: its calls follow each other, on one connection or each on its own.
func (p *plan) send(n int, t *tally, begin, end time.Time, left *atomic.Int64) {
	var line *wire
	defer func() { line.close() }()
	var gap time.Duration
	due := time.Now()
	if p.rate > 0 {
		gap = time.Duration(float64(time.Second) * float64(p.connections) / p.rate)
		due = due.Add(gap * time.Duration(n) / time.Duration(p.connections))
	}
	for number := int64(0); time.Now().Before(end); number++ {
		if p.calls > 0 && left.Add(-1) < 0 {
			return
		}
		if gap > 0 {
			due = due.Add(gap)
			if due.After(end) {
				return
			}
			time.Sleep(time.Until(due))
		} else {
			due = time.Now()
		}
		measured := !due.Before(begin)
		var err error
		if line == nil {
			if line, err = p.dial(n); err == nil && measured {
				t.handshakes++
			}
		}
		var status int
		var size int64
		if err == nil {
			status, size, err = line.call(p, n, number)
		}
		t.all++
		if err != nil || !p.keepAlive || line.done {
			line.close()
			line = nil
		}
		if !measured {
			continue
		}
		if err != nil {
			t.errors[short(err)]++
			time.Sleep(time.Millisecond)
			continue
		}
		t.micros = append(t.micros, time.Since(due).Microseconds())
		t.statuses[status]++
		t.bytesIn += size
	}
}

type wire struct {
	conn   net.Conn
	reader *bufio.Reader
	buffer []byte
	done   bool
}

func (w *wire) close() {
	if w != nil {
		w.conn.Close()
	}
}

func (p *plan) dial(n int) (*wire, error) {
	conn, err := net.DialTimeout("tcp", p.address, p.timeout)
	if err != nil {
		return nil, err
	}
	if len(p.tls) > 0 {
		secure := tls.Client(conn, p.tls[n%len(p.tls)])
		secure.SetDeadline(time.Now().Add(p.timeout))
		if err := secure.Handshake(); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	return &wire{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (w *wire) call(p *plan, n int, number int64) (int, int64, error) {
	w.conn.SetDeadline(time.Now().Add(p.timeout))
	w.buffer = append(w.buffer[:0], p.head[n%len(p.head)]...)
	if p.correlation {
		w.buffer = fmt.Appendf(w.buffer, "X-Correlation-ID: %08x-%04x-4000-8000-%012x\r\n", uint32(n), uint16(number>>32), number&0xffffffff)
	}
	w.buffer = append(w.buffer, "\r\n"...)
	if len(p.bodies) > 0 {
		w.buffer = append(w.buffer, p.bodies[(p.sent.Add(1)-1)%int64(len(p.bodies))]...)
	}
	if _, err := w.conn.Write(w.buffer); err != nil {
		return 0, 0, err
	}
	return w.answer()
}

func (w *wire) answer() (int, int64, error) {
	line, err := w.reader.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, errors.New("status line")
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, 0, errors.New("status line")
	}
	length, chunked := int64(0), false
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		switch strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil {
				return 0, 0, errors.New("content-length")
			}
		case "transfer-encoding":
			chunked = true
		case "connection":
			w.done = strings.Contains(strings.ToLower(value), "close")
		}
	}
	if chunked {
		return status, 0, w.skipChunks()
	}
	_, err = io.CopyN(io.Discard, w.reader, length)
	return status, length, err
}

func (w *wire) skipChunks() error {
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 64)
		if err != nil {
			return errors.New("chunk")
		}
		if _, err := io.CopyN(io.Discard, w.reader, size+2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

func short(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Op + ": " + operation.Err.Error()
	}
	return err.Error()
}

func sum(tallies []*tally, seconds float64) result {
	r := result{Seconds: seconds, Statuses: map[string]int64{}, Errors: map[string]int64{}}
	var all []int64
	for _, t := range tallies {
		all = append(all, t.micros...)
		for status, count := range t.statuses {
			r.Statuses[strconv.Itoa(status)] += count
		}
		for what, count := range t.errors {
			r.Errors[what] += count
		}
		r.Handshakes += t.handshakes
		r.BytesIn += t.bytesIn
		r.CallsAll += t.all
	}
	good := int64(0)
	for status, count := range r.Statuses {
		if strings.HasPrefix(status, "2") {
			good += count
		}
	}
	r.Calls = int64(len(all))
	if r.Calls == 0 {
		return r
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 { return float64(all[min(len(all)-1, int(share*float64(len(all))))]) / 1000 }
	r.P50, r.P90, r.P99, r.P999, r.Max = at(.5), at(.9), at(.99), at(.999), float64(all[len(all)-1])/1000
	total := int64(0)
	for _, micros := range all {
		total += micros
	}
	r.Mean = float64(total) / float64(r.Calls) / 1000
	r.PerSecond = float64(good) / seconds // a refusal is quick: it counts as an error, not as speed
	return r
}
