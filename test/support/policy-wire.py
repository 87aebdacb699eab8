"""
Raw sockets in many network namespaces, held by one process: what one of them sends and all of them hear is in one order.
A request a line on stdin, an answer a line on stdout, both JSON.
"""
import ctypes, errno, fcntl, json, os, select, socket, sys, time

OUTGOING, IP = socket.PACKET_OUTGOING, (b"\x08\x00", b"\x86\xdd")
PATIENCE = 10
SIOCGIFINDEX = 0x8933
libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)


class Inside:
    """What is opened in here belongs to the namespace for good."""

    def __init__(self, netns):
        self.path = "/run/netns/" + netns

    def __enter__(self):
        fd = os.open(self.path, os.O_RDONLY)
        enter(fd)
        os.close(fd)

    def __exit__(self, *_):
        enter(home)


def enter(fd):
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


taps, hosts, streams = {}, {}, {}
names, poll = {}, select.epoll()


def open_tap(name, netns, device):
    close_tap(name)
    with Inside(netns):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind((device, 0))
    tap.setblocking(False)
    taps[name] = tap
    names[tap.fileno()] = name
    poll.register(tap.fileno(), select.EPOLLIN)


def close_tap(name):
    tap = taps.pop(name, None)
    if tap is not None:
        names.pop(tap.fileno())
        poll.unregister(tap.fileno())
        tap.close()


def open_host(name, netns):
    """The namespace's own kernel sends, from packets that bring their IP header."""
    with Inside(netns):
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    hosts[name] = {False: four, True: six}


def send(name, packet, address=None):
    data = bytes.fromhex(packet)
    if address is not None:
        hosts[name][":" in address].sendto(data, (address, 0))
    elif name in taps:
        try:
            taps[name].send(data)
        except OSError as error:
            # A device that is not up yet, or no more.
            if error.errno not in (errno.ENETDOWN, errno.ENXIO):
                raise


def listen(wait, take):
    for fd, _ in poll.poll(wait):
        name = names[fd]
        try:
            while True:
                frame, place = taps[name].recvfrom(65535)
                if place[2] != OUTGOING:
                    take(name, frame)
        except BlockingIOError:
            pass
        except OSError:
            # Its interface has gone.
            close_tap(name)


def run_phases(phases):
    """All packets of a phase, then its fences; the next phase begins when each fence was heard where it should be."""
    heard, waiting = {}, set()

    def take(name, frame):
        if frame[12:14] in IP:
            heard.setdefault(name, []).append(frame.hex())
        for fence in [fence for fence in waiting if fence[0] == name and fence[1] in frame]:
            waiting.discard(fence)

    for phase in phases:
        for i, packet in enumerate(phase["packets"]):
            send(*packet)
            if i % 16 == 15:
                listen(0, take)
        for packet, name, needle in phase["fences"]:
            waiting.add((name, bytes.fromhex(needle)))
            send(*packet)
        end = time.monotonic() + PATIENCE
        while waiting:
            if time.monotonic() > end:
                raise TimeoutError("not heard: " + ", ".join(f"{name} {needle.hex()}" for name, needle in waiting))
            listen(0.1, take)
    listen(0, take)
    return heard


def forget():
    """What was heard so far is no answer to what comes now."""
    listen(0, lambda *_: None)


def connect(key, server_netns, client_netns, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with Inside(server_netns):
        door = socket.socket(family, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((address, port))
        door.listen()
    with Inside(client_netns):
        client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect((address, port))
    server = door.accept()[0]
    door.close()
    ends = {"client": client, "server": server}
    for end in ends.values():
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    streams[key] = {"ends": ends, "got": {"client": 0, "server": 0}}
    return client.getsockname()[1]


def write(key, end, count):
    return streams[key]["ends"][end].send(bytes(count))


def read(key, end):
    """How many bytes have come to this end since the beginning."""
    stream = streams[key]
    try:
        while chunk := stream["ends"][end].recv(65536):
            stream["got"][end] += len(chunk)
    except BlockingIOError:
        pass
    return stream["got"][end]


def hang_up(key):
    for end in streams.pop(key)["ends"].values():
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        end.close()


def ambush(name, netns, device, packets):
    """Sends all packets again and again until the next line comes; and opens a tap on a device the instant there is one."""
    heard, opened, rounds = {}, False, 0
    with Inside(netns):
        scout = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def take(tap, frame):
        if frame[12:14] in IP:
            heard.setdefault(tap, []).append(frame.hex())

    print(json.dumps({"value": "lying in wait"}), flush=True)
    while not select.select([0], [], [], 0)[0]:
        if not opened:
            try:
                fcntl.ioctl(scout, SIOCGIFINDEX, device.encode().ljust(40, b"\0"))
                open_tap(name, netns, device)
                opened = True
            except OSError:
                pass
        for packet in packets:
            send(*packet)
        rounds += 1
        listen(0.001, take)
    sys.stdin.readline()
    scout.close()
    listen(0, take)
    return {"heard": heard, "opened": opened, "rounds": rounds}


def pulse(tap, frame, ear, pause):
    """Sends a frame every so many seconds until the next line comes: when each was sent (CLOCK_MONOTONIC, ms), and whether it was heard."""
    body, sent, heard = bytes.fromhex(frame)[:-8], [], set()

    def take(name, one):
        if name == ear and one[14 + 20:14 + 24] == body[14 + 20:14 + 24]:
            heard.add(int.from_bytes(one[-8:], "big"))

    print(json.dumps({"value": "beating"}), flush=True)
    while not select.select([0], [], [], 0)[0]:
        sent.append(time.monotonic() * 1000)
        taps[tap].send(body + len(sent).to_bytes(8, "big"))
        listen(0, take)
        time.sleep(pause)
    sys.stdin.readline()
    listen(0.05, take)
    return [[at, i + 1 in heard] for i, at in enumerate(sent)]


CALLS = {call.__name__: call for call in [
    open_tap, close_tap, open_host, run_phases, forget, connect, write, read, hang_up, ambush, pulse]}
print("ready", flush=True)
for line in sys.stdin:
    call, *arguments = json.loads(line)
    try:
        print(json.dumps({"value": CALLS[call](*arguments)}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{call}: {error!r}"}), flush=True)
