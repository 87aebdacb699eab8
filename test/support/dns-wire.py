"""
A name server and pods that ask it, in many network namespaces: see dns-wire.ts.
A request a line on stdin, an answer a line on stdout, both JSON.
"""
import ctypes, json, os, select, socket, struct, sys, threading, time

PATIENCE = 5
TCP_INFO_RETRANSMITS = 100
libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)


def open_in(netns, address, kind):
    """A socket belongs for good to the namespace in which it was made. Only the main thread makes any."""
    fd = os.open("/run/netns/" + netns, os.O_RDONLY)
    for place in (fd, home):
        if place == home:
            one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        if libc.setns(place, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)
    return one


zone = {}


def tell(question, packets):
    """What is said from now on to the question, name and type as they stand in it: datagrams, or segments of a stream."""
    zone[bytes.fromhex(question).lower()] = [bytes.fromhex(packet) for packet in packets]


def reply_to(query):
    return [query[:2] + packet[2:] for packet in zone.get(query[12:].lower(), [query[:2] + b"\x81\x83" + query[4:]])]


def serve(netns, address):
    udp = open_in(netns, address, socket.SOCK_DGRAM)
    tcp = open_in(netns, address, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (udp, tcp):
        one.bind((address, 53))
    tcp.listen(100)
    threading.Thread(target=serve_datagrams, args=(udp,), daemon=True).start()
    threading.Thread(target=serve_streams, args=(tcp,), daemon=True).start()


def serve_datagrams(udp):
    while True:
        query, place = udp.recvfrom(65535)
        for packet in reply_to(query):
            udp.sendto(packet, place)


def serve_streams(tcp):
    """A message is told behind its length, in as many segments as there are pieces."""
    while True:
        stream, _ = tcp.accept()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        query = stream.recv(65535)[2:]
        pieces = zone.get(query[12:].lower(), [])
        total = sum(len(piece) for piece in pieces)
        for i, piece in enumerate(pieces):
            head = struct.pack("!H", total) + query[:2] if i == 0 else b""
            stream.sendall(head + (piece[2:] if i == 0 else piece))
        stream.close()


def ask(netns, server, query):
    """What is answered by datagram, in hex; None where nothing is."""
    one = open_in(netns, server, socket.SOCK_DGRAM)
    with one:
        one.settimeout(PATIENCE)
        one.connect((server, 53))
        one.send(bytes.fromhex(query))
        try:
            return one.recv(65535).hex()
        except TimeoutError:
            return None


def ask_stream(netns, server, query):
    one = open_in(netns, server, socket.SOCK_STREAM)
    with one:
        one.settimeout(PATIENCE)
        one.connect((server, 53))
        data = bytes.fromhex(query)
        one.sendall(struct.pack("!H", len(data)) + data)
        answer = b""
        while len(answer) < 2 or len(answer) < 2 + struct.unpack("!H", answer[:2])[0]:
            more = one.recv(65535)
            if not more:
                break
            answer += more
        return answer[2:].hex()


def ask_and_connect(netns, server, questions, port):
    """
    Asks everything at once from one socket, and connects to the address that belongs to a question the instant its answer is
    there. How many were answered, connected, and how many segments were sent twice meanwhile.
    """
    asker = open_in(netns, server, socket.SOCK_DGRAM)
    asker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    asker.connect((server, 53))
    clients = []
    for _, address in questions:
        client = open_in(netns, address, socket.SOCK_STREAM)
        client.setblocking(False)
        clients.append(client)
    for i, (query, _) in enumerate(questions):
        asker.send(struct.pack("!H", i) + bytes.fromhex(query)[2:])
    poll, end = select.epoll(), time.monotonic() + PATIENCE
    poll.register(asker.fileno(), select.EPOLLIN)
    by_fd = {client.fileno(): client for client in clients}
    answered = connected = resent = 0
    while time.monotonic() < end and connected < len(questions):
        for fd, _ in poll.poll(0.1):
            if fd == asker.fileno():
                i = struct.unpack("!H", asker.recv(65535)[:2])[0]
                answered += 1
                clients[i].connect_ex((questions[i][1], port))
                poll.register(clients[i].fileno(), select.EPOLLOUT)
                continue
            poll.unregister(fd)
            if by_fd[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                connected += 1
                info = by_fd[fd].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
                resent += struct.unpack("I", info[TCP_INFO_RETRANSMITS:])[0]
    for one in [asker, *clients]:
        one.close()
    return {"answered": answered, "connected": connected, "resent": resent}


CALLS = (serve, tell, ask, ask_stream, ask_and_connect)
KNOWN = {one.__name__: one for one in CALLS}
print("ready", flush=True)
for line in sys.stdin:
    name, *words = json.loads(line)
    try:
        print(json.dumps({"value": KNOWN[name](*words)}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{name}: {error!r}"}), flush=True)
