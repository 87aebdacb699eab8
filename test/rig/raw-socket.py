"""Inside a network namespace: sends the frames that come on stdin, hex, a line each, out of eth0; prints those that eth0 hears."""
import os, select, socket, sys

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 0))
print("ready", flush=True)
# Read without Python's buffer, in which select sees nothing.
rest = b""
while True:
    readable, _, _ = select.select([wire, 0], [], [])
    if wire in readable:
        frame, address = wire.recvfrom(65535)
        if address[2] != socket.PACKET_OUTGOING:
            print(frame.hex(), flush=True)
    if 0 in readable:
        chunk = os.read(0, 65536)
        if chunk == b"":
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            wire.send(bytes.fromhex(line.decode()))
