// Frames that HAProxy sent on loopback, recorded by a TCP relay between it and an agent. 2.6.12, 3.0.11 and 3.2.26
// sent the same bytes except for the engine-id, and for the DISCONNECT of an idle connection, which 3.2 does not send.

/** Bytes of hexadecimal text whose lines may end in `# what they are`. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/#.*/g, '').replace(/\s/g, ''), 'hex')
}

export const HEALTHCHECK_HELLO = hex(`
  0000004e                                    # frame length 78
  01                                          # HAPROXY-HELLO
  00000001                                    # flags: FIN
  00 00                                       # stream-id, frame-id
  12 737570706f727465642d76657273696f6e73     # "supported-versions"
  08 03 322e30                                # string "2.0"
  0e 6d61782d6672616d652d73697a65             # "max-frame-size"
  03 fcf006                                   # uint32 16380
  0c 6361706162696c6974696573                 # "capabilities"
  08 00                                       # string ""
  0b 6865616c7468636865636b                   # "healthcheck"
  11                                          # true
`)

export const HELLO = hex(`
  0000007b                                    # frame length 123
  01                                          # HAPROXY-HELLO
  00000001                                    # flags: FIN
  00 00                                       # stream-id, frame-id
  12 737570706f727465642d76657273696f6e73     # "supported-versions"
  08 03 322e30                                # string "2.0"
  0e 6d61782d6672616d652d73697a65             # "max-frame-size"
  03 fcf006                                   # uint32 16380
  0c 6361706162696c6974696573                 # "capabilities"
  08 0a 706970656c696e696e67                  # string "pipelining"
  09 656e67696e652d6964                       # "engine-id"
  08 24                                       # string "304e726b-d4fb-44c0-925c-14519434a2ce"
     33303465373236622d643466622d343463302d39
     3235632d313435313934333461326365
`)

/** args yes=bool(true) no=bool(false) small=int(7) big=int(1234567890123) negative=int(-5) v4=src v6=ipv6(2001:db8::1)
 *  text=path binary=bin(00ff10) missing=req.hdr(x-missing) str(unnamed), of the message "everything" */
export const NOTIFY = hex(`
  00000090                                    # frame length 144
  03                                          # NOTIFY
  00000001                                    # flags: FIN
  01 01                                       # stream-id, frame-id
  0a 65766572797468696e67                     # message "everything"
  0b                                          # 11 arguments
  03 796573            11                     # "yes" true
  02 6e6f              01                     # "no" false
  05 736d616c6c        04 07                  # "small" int64 7
  03 626967            04 fbbddffdb79e01      # "big" int64 1234567890123
  08 6e65676174697665  04 fbf0fefefefefefefe0e  # "negative" int64 -5
  02 7634              06 7f000001            # "v4" ipv4 127.0.0.1
  02 7636              07 20010db8000000000000000000000001  # "v6" ipv6 2001:db8::1
  04 74657874          08 0a 2f636166254333254139  # "text" string "/caf%C3%A9"
  06 62696e617279      09 03 00ff10           # "binary" binary 00ff10
  07 6d697373696e67    00                     # "missing" null
  00                   08 07 756e6e616d6564   # "" string "unnamed"
`)

/** From 2.6, after "timeout idle". */
export const DISCONNECT = hex(`
  00000031                                    # frame length 49
  02                                          # HAPROXY-DISCONNECT
  00000001                                    # flags: FIN
  00 00                                       # stream-id, frame-id
  0b 7374617475732d636f6465                   # "status-code"
  03 02                                       # uint32 2: a timeout occurred
  07 6d657373616765                           # "message"
  08 12 612074696d656f7574206f63637572726564  # string "a timeout occurred"
`)

export const CAPTURED = { HEALTHCHECK_HELLO, HELLO, NOTIFY, DISCONNECT }
