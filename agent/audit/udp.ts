import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { type Delivery, type DeliveryOptions, QUEUE_LIMIT } from './syslog.ts'

/** Syslog over UDP, RFC 5426: a message for each datagram. Whether one arrives, nobody knows. */
export class UdpDelivery implements Delivery {
  readonly #socket: Socket
  readonly #server: { host: string; port: number }
  readonly #options: DeliveryOptions
  #waiting = 0
  #failed = false
  #onEmpty = () => {}

  constructor(server: { host: string; port: number }, options: DeliveryOptions) {
    this.#server = server
    this.#options = options
    this.#socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4').unref()
  }

  send(message: Buffer): void {
    const { onDelivery, onProblem, limit = QUEUE_LIMIT } = this.#options
    if (this.#waiting === limit) {
      onDelivery('dropped')
      return
    }
    this.#waiting++
    this.#socket.send(message, this.#server.port, this.#server.host, error => {
      this.#waiting--
      onDelivery(error ? 'dropped' : 'sent')
      if (error && !this.#failed) onProblem(error)
      if (!error && this.#failed) onProblem(undefined)
      this.#failed = error !== null
      if (this.#waiting === 0) this.#onEmpty()
    })
  }

  async close(graceMs: number): Promise<void> {
    if (this.#waiting > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
        setTimeout(resolve, graceMs)
      })
    }
    this.#socket.close()
  }
}
