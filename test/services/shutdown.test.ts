import assert from 'node:assert/strict'
import { dcmtk } from '../support/dcmtk.ts'
import { testService } from './service.ts'

testService('Shutdown, a private SOP class of DCMTK', {
  async DCMTK({ node, port, callingAE, calledAE }) {
    const { output } = await dcmtk('termscu', '-aet', callingAE, '-aec', calledAE, 'localhost', String(port))
    // how a server answers that ends upon it
    assert.match(output, /Rejected Permanent, Source: Service User/)
    await node.ended
  },
})
