// wireguard-go with its netstack, doing what the clients of ../netstack.mjs do: answers `send SECONDS` and
// `receive SECONDS` on standard input with Gbit/s.
//
// Arguments: TARGET ADDRESS PRIVATE_KEY PEER_KEY ENDPOINT, keys in hexadecimal.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

func main() {
	target, address, privateKey, peerKey, endpoint := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	tun, network, err := netstack.CreateNetTUN([]netip.Addr{netip.MustParseAddr(address)}, nil, 1420)
	check(err)
	wireguard := device.NewDevice(tun, conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, ""))
	check(wireguard.IpcSet(fmt.Sprintf(
		"private_key=%s\npublic_key=%s\nallowed_ip=10.200.0.0/16\nendpoint=%s\n", privateKey, peerKey, endpoint)))
	check(wireguard.Up())
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var direction string
		var seconds float64
		fmt.Sscan(lines.Text(), &direction, &seconds)
		stream, err := network.Dial("tcp", target+":5201")
		check(err)
		fmt.Println(measure(stream, direction, time.Duration(seconds*float64(time.Second))))
		time.Sleep(200 * time.Millisecond)
	}
}

func measure(stream net.Conn, direction string, duration time.Duration) float64 {
	defer stream.Close()
	var moved atomic.Int64
	go func() {
		buffer := make([]byte, 256*1024)
		for i := range buffer {
			buffer[i] = 7
		}
		move := stream.Write
		if direction == "receive" {
			stream.Write([]byte("r"))
			move = stream.Read
		}
		for {
			n, err := move(buffer)
			moved.Add(int64(n))
			if err != nil {
				return
			}
		}
	}()
	time.Sleep(500 * time.Millisecond)
	before, at := moved.Load(), time.Now()
	time.Sleep(duration)
	return float64(moved.Load()-before) * 8 / 1e9 / time.Since(at).Seconds()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
