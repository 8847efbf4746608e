import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import { createServer } from 'node:tls'
import { type DeliveryOptions, Severity, syslogMessage } from '../../agent/audit/syslog.ts'
import { TlsDelivery } from '../../agent/audit/tls.ts'
import { UdpDelivery } from '../../agent/audit/udp.ts'
import { readConfig } from '../../agent/config.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { freePort } from '../support/ports.ts'
import { startRsyslog } from './rsyslog.ts'

/** What a delivery tells, and promises of the outcomes to come. */
function listen() {
  const outcomes: string[] = []
  const problems: (string | undefined)[] = []
  const waiting = new Set<() => void>()
  const told = () => {
    for (const look of waiting) look()
  }
  const until = (isSo: () => boolean) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (!isSo()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  const options: DeliveryOptions = {
    onDelivery: outcome => {
      outcomes.push(outcome)
      told()
    },
    onProblem: problem => {
      problems.push(problem?.message)
      told()
    },
  }
  return {
    outcomes,
    problems,
    options,
    sent: (count: number) => until(() => outcomes.filter(outcome => outcome === 'sent').length === count),
    failed: () => until(() => problems.length > 0),
  }
}

describe('audit messages over TLS', { timeout: 60_000 }, () => {
  let certificates: Certificates
  const pem = (name: string) => readFileSync(certificates.at(name))
  before(() => {
    certificates = makeCertificates()
    for (const name of ['ca', 'other']) certificates.authority(name)
    certificates.certificate('server', 'ca', 'localhost')
  })
  after(() => certificates.remove())

  /** A server that keeps what it gets, on a port that is known before it listens. */
  async function startServer(t: TestContext, port = 0) {
    let received = ''
    let onData = () => {}
    const server = createServer({ key: pem('server.key'), cert: pem('server.crt') }, socket => {
      socket.setEncoding('utf8').on('error', () => {})
      socket.on('data', chunk => {
        received += chunk
        onData()
      })
      sockets.add(socket)
    })
    const sockets = new Set<{ destroy(): void }>()
    const stop = async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
    t.after(() => server.listening && stop())
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return {
      port: (server.address() as AddressInfo).port,
      stop,
      /** resolves with all that has come, once it ends so */
      async until(end: string) {
        while (!received.endsWith(end)) await new Promise<void>(resolve => (onData = resolve))
        return received
      },
    }
  }

  function deliveryTo(t: TestContext, port: number, options: DeliveryOptions, ca = pem('ca.crt')) {
    const delivery = new TlsDelivery({ host: 'localhost', port, ca }, options)
    t.after(() => delivery.close(0))
    return delivery
  }

  const send = (delivery: TlsDelivery, ...texts: readonly string[]) => {
    for (const text of texts) delivery.send(Buffer.from(text))
  }

  test('wait for a server that is not there yet, and come in their order', async t => {
    const port = await freePort()
    const { options, sent, failed, problems } = listen()
    const delivery = deliveryTo(t, port, options)
    send(delivery, 'one', 'zwölf', 'three')
    await failed()
    const { until } = await startServer(t, port)
    assert.equal(await until('three'), '3 one6 zwölf5 three')
    await sent(3)
    assert.equal(problems.length, 2)
    assert.match(problems[0] ?? '', /ECONNREFUSED/)
    assert.equal(problems[1], undefined)
  })

  test('go on when the server was restarted', async t => {
    const { options, sent } = listen()
    const first = await startServer(t)
    const delivery = deliveryTo(t, first.port, options)
    send(delivery, 'one')
    await first.until('one')
    await sent(1)
    await first.stop()
    const second = await startServer(t, first.port)
    // the first may be lost: nobody tells that the connection is gone
    send(delivery, 'two')
    await sent(2)
    send(delivery, 'three')
    assert.match(await second.until('three'), /^(3 two)?5 three$/)
  })

  test('are dropped when too many wait, the newest first, and those that wait at the end', async t => {
    const { options, outcomes } = listen()
    const delivery = deliveryTo(t, await freePort(), { ...options, limit: 2 })
    send(delivery, 'one', 'two', 'three', 'four', 'five')
    assert.deepEqual(outcomes, ['dropped', 'dropped', 'dropped'])
    await delivery.close(0)
    assert.equal(outcomes.length, 5)
    assert.ok(!outcomes.includes('sent'))
  })

  test('are for the server whose certificate is right, and for no other', async t => {
    const { options, outcomes, failed, problems } = listen()
    const { port } = await startServer(t)
    const delivery = deliveryTo(t, port, options, pem('other.crt'))
    send(delivery, 'secret')
    await failed()
    assert.match(problems[0] ?? '', /certificate/)
    assert.deepEqual(outcomes, [])
  })

  test('are all sent before an agent ends, if the server takes them', async t => {
    const { options, outcomes } = listen()
    const { port, until } = await startServer(t)
    const delivery = deliveryTo(t, port, options)
    const texts = Array.from({ length: 500 }, (_, index) => `message ${index}`)
    send(delivery, ...texts)
    await delivery.close(30_000)
    assert.equal(outcomes.length, 500)
    assert.equal(await until('message 499'), texts.map(text => `${text.length} ${text}`).join(''))
  })
})

test('audit messages over UDP reach rsyslog', { timeout: 60_000 }, async t => {
  const certificates = makeCertificates()
  t.after(() => certificates.remove())
  certificates.authority('ca')
  certificates.certificate('server', 'ca')
  const port = await freePort()
  const rsyslog = await startRsyslog(certificates, port)
  t.after(() => rsyslog.stop())
  const { options, outcomes } = listen()
  const delivery = new UdpDelivery({ host: 'localhost', port }, options)
  delivery.send(syslogMessage({ host: 'lb', pid: 4711 }, new Date(), Severity.warning, '<A>é</A>'))
  await delivery.close(30_000)
  const app = 'dicom-load-balancer'
  const received = {
    pri: '84',
    host: 'lb',
    app,
    pid: '4711',
    msgId: 'DICOM+RFC3881',
    data: '-',
    xml: '<A>é</A>',
  }
  assert.deepEqual(await rsyslog.received(1), [received])
  assert.deepEqual(outcomes, ['sent'])
})

describe('the configuration', () => {
  const serverOf = (AUDIT_SYSLOG: string) => readConfig({ AUDIT_SYSLOG }).AUDIT_SYSLOG

  test('has a syslog server, with the usual port if none is named, or none', () => {
    assert.deepEqual(serverOf('tls://audit.example'), { transport: 'tls', host: 'audit.example', port: 6514 })
    assert.deepEqual(serverOf('udp://10.1.0.9'), { transport: 'udp', host: '10.1.0.9', port: 514 })
    assert.deepEqual(serverOf('tls://[2001:db8::1]:1'), { transport: 'tls', host: '2001:db8::1', port: 1 })
    assert.equal(serverOf(''), undefined)
  })

  test('tells of patients over TLS only', () => {
    for (const env of [{}, { AUDIT_SYSLOG: 'udp://audit.example' }]) {
      assert.throws(
        () => readConfig({ AUDIT_TRANSFERS: 'true', ...env }),
        /^Error: AUDIT_TRANSFERS: needs AUDIT_SYSLOG with tls/,
      )
    }
  })

  test('says what is wrong', () => {
    for (const wrong of ['audit.example', 'tcp://audit.example', 'tls://', 'tls://audit.example:0x1']) {
      assert.throws(() => serverOf(wrong), /AUDIT_SYSLOG: must be tls:\/\/host:port/, wrong)
    }
    assert.throws(
      () => readConfig({ AUDIT_CA: '/no/such/file' }),
      /^Error: AUDIT_CA: it cannot be read: .*ENOENT/,
    )
  })
})
