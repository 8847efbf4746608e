// An agent by haproxy-spoe, as a process of its own: `node test/bench/spoe-agent.ts` prints its port.
import { createSpoeServer, setVar } from '../../agent/haproxy-spoe/index.ts'

const server = createSpoeServer({
  handlers: {
    // the same as bare-agent.ts
    check: ({ args }) => [
      setVar('txn', 'client', `${args.ip('src')} ${args.string('path')}`),
      setVar('txn', 'size', args.bytes('body')?.length ?? 0),
    ],
  },
  onError: error => {
    console.error(error)
    process.exitCode = 1
  },
})
const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ port }))
