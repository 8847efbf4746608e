import assert from 'node:assert/strict'
import dimse from 'dcmjs-dimse'
import { sendByDcmjs } from '../support/dcmjs.ts'
import { waitUntil } from '../support/haproxy.ts'
import { type Ask, type Asked, odilScript, testService } from './service.ts'

const { ModalityPerformedProcedureStep, InstanceAvailabilityNotification } = dimse.constants.SopClass
const { NCreateRequest, NSetRequest } = dimse.requests

/** The node has got as many requests. */
const telling =
  (count: number, tell: (asked: Asked) => Promise<unknown>): Ask =>
  async asked => {
    const before = await asked.node.count()
    await tell(asked)
    await waitUntil(async () => (await asked.node.count()) === before + count)
  }

testService('MPPS, N-CREATE and N-SET', {
  odil: telling(2, asked => odilScript('mpps', asked)),
  'dcmjs-dimse': telling(2, async ({ port, callingAE, calledAE }) => {
    const step = dimse.Dataset.generateDerivedUid()
    const begin = new NCreateRequest(ModalityPerformedProcedureStep, step)
    begin.setDataset(new dimse.Dataset({ PerformedProcedureStepStatus: 'IN PROGRESS' }))
    const end = new NSetRequest(ModalityPerformedProcedureStep, step)
    end.setDataset(new dimse.Dataset({ PerformedProcedureStepStatus: 'COMPLETED' }))
    assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [begin, end]), [0, 0])
  }),
})

testService('Instance availability notification', {
  odil: telling(1, asked => odilScript('availability', asked)),
  'dcmjs-dimse': telling(1, async ({ port, callingAE, calledAE }) => {
    const notice = new NCreateRequest(InstanceAvailabilityNotification, dimse.Dataset.generateDerivedUid())
    notice.setDataset(new dimse.Dataset({ InstanceAvailability: 'ONLINE' }))
    assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [notice]), [0])
  }),
})
