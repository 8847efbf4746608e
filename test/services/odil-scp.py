"""A node made of odil that answers C-ECHO, N-CREATE and N-SET with success, and prints a line for each of the last two.

    odil-scp.py PORT

odil listens until one association has come, and then no more: each gets a process and a port of its own, behind PORT.
"""
import os
import signal
import socket
import sys
import threading
import time

import odil


def serve(port):
    association = odil.Association()
    association.receive_association("v4", port)
    dispatcher = odil.SCPDispatcher(association)
    for scp, add, name in ((odil.EchoSCP(association), dispatcher.set_echo_scp, None),
                           (odil.NCreateSCP(association), dispatcher.set_ncreate_scp, "N-CREATE"),
                           (odil.NSetSCP(association), dispatcher.set_nset_scp, "N-SET")):
        scp.set_callback(lambda request, name=name: answer(name))
        add(scp)
    try:
        while True:
            dispatcher.dispatch()
    except (odil.AssociationReleased, odil.AssociationAborted):
        pass


def answer(name):
    if name:
        print(name, flush=True)
    return 0


def connected(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.01)


def carry(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def take(client):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if os.fork() == 0:
        client.close()
        serve(port)
        return
    scp = connected(port)
    for end in client, scp:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=carry, args=(scp, client))
    back.start()
    carry(client, scp)
    back.join()


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            try:
                take(client)
            finally:
                os._exit(0)
        client.close()
