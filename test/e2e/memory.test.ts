import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdOpen } from '../bench/association.ts'
import { prepareInstances } from '../bench/instances.ts'
import { memoryOf } from '../bench/memory.ts'
import { startLoader, startSink } from '../bench/processes.ts'
import { withStarted } from '../bench/started.ts'
import { startBalancer } from '../support/balancer.ts'
import { associateRq } from '../support/messages.ts'

const rules = `
pools: { ct: { maxPduLength: 131072 } }
rules: [{ name: CT, when: { Modality: CT }, route: ct }]
`
const shape = { instances: 1, studies: 1, size: 4096, pduLength: 16384 }
const held = 400
const others = 6000

/** Each of them leaves some 10 KB of garbage. */
const megabytes = 16

test('what has come and gone does not stay in memory while other associations are open', () =>
  withStarted(async start => {
    const loader = await start(startLoader())
    const sink = await start(startSink())
    const { port, haproxy } = await start(
      startBalancer({
        rules,
        pools: { ct: [{ name: 'CT', port: sink.port, maxconn: 1000 }] },
        env: { SOURCE_RATE: '100000' },
        // Lua has a heap in each thread
        edit: cfg => cfg.replace(/^global$/m, 'global\n    nbthread 1'),
      }),
    )
    const [instance = []] = prepareInstances(shape)
    const open = []
    for (let count = 0; count < held; count++) {
      open.push(await holdOpen(port, associateRq({ callingAE: 'STAYS' }), instance))
    }
    const before = memoryOf(haproxy.pid)
    await loader.run({ ...shape, port, associations: others, parallel: 4 })
    const grown = (memoryOf(haproxy.pid) - before) / 1024
    for (const association of open) association.close()
    assert.ok(grown < megabytes, `${grown.toFixed(1)} MB more`)
  }))
