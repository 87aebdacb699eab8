"""
Servers that say who they are, and their clients, in many network namespaces: see service-wire.ts.
A request a line on stdin, an answer a line on stdout, both JSON.
"""
import collections, ctypes, errno, json, os, select, socket, sys, threading, time

PATIENCE = 3
libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)


def enter(fd):
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def open_in(netns, address, kind):
    """A socket belongs for good to the namespace in which it was made. Only the main thread makes any."""
    fd = os.open("/run/netns/" + netns, os.O_RDONLY)
    enter(fd)
    os.close(fd)
    try:
        return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    finally:
        enter(home)


def peer_of(place):
    return place[0].removeprefix("::ffff:")


servers = {}


def serve(name, netns, address, port):
    tcp = open_in(netns, address, socket.SOCK_STREAM)
    udp = open_in(netns, address, socket.SOCK_DGRAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (tcp, udp):
        one.bind((address, port))
    tcp.listen(1024)
    servers[name + str(port) + address] = (tcp, udp)
    threading.Thread(target=run_server, args=(name, tcp, udp), daemon=True).start()


def run_server(name, tcp, udp):
    poll = select.epoll()
    held = {}
    for one in (tcp, udp):
        poll.register(one.fileno(), select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            try:
                if fd == tcp.fileno():
                    stream, place = tcp.accept()
                    stream.sendall(f"{name} {peer_of(place)}\n".encode())
                    held[stream.fileno()] = stream
                    poll.register(stream.fileno(), select.EPOLLIN)
                elif fd == udp.fileno():
                    _, place = udp.recvfrom(65535)
                    udp.sendto(f"{name} {peer_of(place)}".encode(), place)
                elif fd in held:
                    data = held[fd].recv(65535)
                    if data:
                        held[fd].sendall(data)
                    else:
                        held.pop(fd).close()
            except OSError:
                stream = held.pop(fd, None)
                if stream is not None:
                    stream.close()


def describe(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    return errno.errorcode.get(error.errno, str(error)) if isinstance(error, OSError) else str(error)


def ask_tcp(one, address, port):
    with one:
        one.settimeout(PATIENCE)
        one.connect((address, port))
        text = read_line(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x00" * 8)
        return text


def read_line(one):
    text = b""
    while not text.endswith(b"\n"):
        more = one.recv(1000)
        if not more:
            raise OSError(errno.ECONNRESET, "ended")
        text += more
    return text.decode().strip()


def ask_udp(one, address, port, size=1):
    """Sent again, as a resolver does: a tunnel's first packet to a peer may be lost."""
    with one:
        one.settimeout(PATIENCE / 3)
        one.connect((address, port))
        for _ in range(3):
            one.send(b"?" * size)
            try:
                return one.recv(1000).decode()
            except TimeoutError:
                pass
        raise TimeoutError()


def ask(netns, protocol, address, port, count, source_port=0, size=1):
    """What each of so many clients, one after the other, heard: "server client-as-seen", or why nothing."""
    heard = collections.Counter()
    for _ in range(count):
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        one = open_in(netns, address, kind)
        if source_port:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("", source_port))
        try:
            heard[ask_tcp(one, address, port) if protocol == "tcp" else ask_udp(one, address, port, size)] += 1
        except OSError as error:
            heard[describe(error)] += 1
    return dict(heard)


held = {}


def hold(key, netns, address, port, protocol="tcp"):
    one = open_in(netns, address, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    one.settimeout(PATIENCE)
    one.connect((address, port))
    held[key] = one
    return read_line(one) if protocol == "tcp" else talk(key)


def talk(key):
    """Whether what is said on a held connection comes back; of UDP, who answers now."""
    one = held[key]
    try:
        one.sendall(b"still there?\n")
        return read_line(one) if one.type == socket.SOCK_STREAM else one.recv(1000).decode()
    except OSError as error:
        return describe(error)


def hang_up(key):
    held.pop(key).close()


loads = {}


def start_stream(key, netns, address, port):
    """
    Datagrams from one socket, each as soon as the one before is answered or late, until it is told to stop: who answers them.
    What is late on a busy machine is not lost: how many nobody answered is told at the end.
    """
    one = open_in(netns, address, socket.SOCK_DGRAM)
    one.settimeout(PATIENCE / 30)
    one.connect((address, port))
    load = {"heard": collections.Counter(), "stop": threading.Event()}

    def run():
        heard, unanswered = load["heard"], 0
        while not load["stop"].is_set():
            try:
                unanswered += one.send(b"?")
                heard[one.recv(1000).decode()] += 1
                unanswered -= 1
            except TimeoutError:
                pass
            except OSError as error:
                heard[describe(error)] += 1
                unanswered -= 1
        one.settimeout(PATIENCE)
        try:
            while unanswered > 0:
                heard[one.recv(1000).decode()] += 1
                unanswered -= 1
        except OSError as error:
            heard[describe(error)] += unanswered
        one.close()

    load["thread"] = threading.Thread(target=run, daemon=True)
    load["thread"].start()
    loads[key] = load


def start_load(key, netns, address, port):
    """One connection after another until it is told to stop."""
    fd = os.open("/run/netns/" + netns, os.O_RDONLY)
    load = {"heard": collections.Counter(), "stop": threading.Event()}

    def run():
        enter(fd)
        os.close(fd)
        while not load["stop"].is_set():
            one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                load["heard"][ask_tcp(one, address, port)] += 1
            except OSError as error:
                load["heard"][describe(error)] += 1

    load["thread"] = threading.Thread(target=run, daemon=True)
    load["thread"].start()
    loads[key] = load


def read_load(key):
    return dict(loads[key]["heard"])


def stop_load(key):
    load = loads.pop(key)
    load["stop"].set()
    load["thread"].join()
    return dict(load["heard"])


CALLS = (serve, ask, hold, talk, hang_up, start_load, start_stream, read_load, stop_load)
KNOWN = {one.__name__: one for one in CALLS}
print("ready", flush=True)
for line in sys.stdin:
    name, *words = json.loads(line)
    try:
        print(json.dumps({"value": KNOWN[name](*words)}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{name} {words}: {error}"}), flush=True)
