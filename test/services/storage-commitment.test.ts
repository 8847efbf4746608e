import assert from 'node:assert/strict'
import { after } from 'node:test'
import dimse from 'dcmjs-dimse'
import { type Request, sendByDcmjs, startDcmjsScp } from '../support/dcmjs.ts'
import { waitUntil } from '../support/haproxy.ts'
import { CT_IMAGE } from '../support/messages.ts'
import { freePort } from '../support/ports.ts'
import { instance, sample, storedIn } from './archive.ts'
import { type Ask, type Asked, type ServiceOptions, testService } from './service.ts'

const { StorageCommitmentPushModel } = dimse.constants.SopClass
const { NActionRequest, NEventReportRequest } = dimse.requests
/** PS3.4 §J.3: the one instance that stands for the service, and "storage commitment request", "... successful" */
const wellKnown = '1.2.840.10008.1.20.1.1'
const one = 1
const references = [{ ReferencedSOPClassUID: CT_IMAGE, ReferencedSOPInstanceUID: instance }]

function request(): dimse.requests.NActionRequest {
  const action = new NActionRequest(StorageCommitmentPushModel, wellKnown, one)
  action.setDataset(
    new dimse.Dataset({
      TransactionUID: dimse.Dataset.generateDerivedUid(),
      ReferencedSOPSequence: references,
    }),
  )
  return action
}

/** All that an N-ACTION has asked for is stored. */
function report(action: dimse.requests.NActionRequest): dimse.requests.NEventReportRequest {
  const event = new NEventReportRequest(StorageCommitmentPushModel, wellKnown, one)
  event.setDataset(new dimse.Dataset({ ...action.getDataset()?.getElements() }))
  return event
}

const orthancPort = await freePort()
/** where the client that is made of dcmjs-dimse gets its reports */
const client = await startDcmjsScp()
after(() => client.stop())
const clients = {
  'ORTHA-0': orthancPort,
  'ORTHA-1': orthancPort,
  'DCMJS-0': client.port,
  'DCMJS-1': client.port,
}

testService(
  'Storage commitment, N-EVENT-REPORT on another association',
  {
    async Orthanc({ site, orthanc, callingAE, calledAE }) {
      const instances = [{ SOPClassUID: CT_IMAGE, SOPInstanceUID: instance }]
      const asked = await orthanc.ask('/modalities/lb/storage-commitment', { DicomInstances: instances })
      const { ID } = asked as { ID: string }
      await waitUntil(async () => {
        const { Status } = (await orthanc.ask(`/storage-commitment/${ID}`)) as { Status: string }
        return Status === 'Success'
      })
      await reportedThrough(site, calledAE, callingAE)
    },
    async 'dcmjs-dimse'({ site, port, callingAE, calledAE }) {
      const before = client.requests.length
      assert.deepEqual(await sendByDcmjs(port, [callingAE, calledAE], [request()]), [0])
      await waitUntil(() => client.requests.length > before)
      await reportedThrough(site, calledAE, callingAE)
    },
  },
  {
    prepare: storedIn('Orthanc'),
    others: clients,
    known: Object.fromEntries(Object.keys(clients).map(title => [title, 'balancer'])),
    settings: { DicomServerEnabled: true, DicomPort: orthancPort, DicomCheckCalledAet: false },
    afterAction: site => (action, callingAE) =>
      sendByDcmjs(site.balancer.port, ['DCMJS', callingAE], [report(action)]),
  },
)

/** The PACS has called the client through the balancer, too. */
async function reportedThrough({ balancer }: Asked['site'], pacs: string, title: string): Promise<void> {
  await balancer.logged(
    new RegExp(` direct ${title.toLowerCase()}/${title} .* calling="${pacs}" called="${title}"`),
  )
}

/** Sends what an association has for a PACS, and is told about it there. */
function reportedAtOnce(...before: readonly (() => Request)[]): Record<string, Ask> {
  return {
    async 'dcmjs-dimse'({ port, callingAE, calledAE }) {
      const reports: unknown[] = []
      const requests = [...before.map(make => make()), request()]
      const reported = (client: dimse.Client) =>
        new Promise<void>(resolve => {
          client.on('nEventReportRequest', (event, callback) => {
            reports.push(event.getEventTypeId())
            const response = dimse.responses.NEventReportResponse.fromRequest(event)
            response.setStatus(0)
            callback(response)
            resolve()
          })
        })
      const statuses = await sendByDcmjs(port, [callingAE, calledAE], requests, reported)
      assert.deepEqual([statuses, reports], [requests.map(() => 0), [one]])
    },
  }
}

const onTheSame: ServiceOptions = { afterAction: () => (action, _, scp) => scp.sendRequests(report(action)) }

testService('Storage commitment, N-EVENT-REPORT on the same association', reportedAtOnce(), onTheSame)

testService(
  'Storage commitment behind the C-STORE, delayed, N-EVENT-REPORT on the same association',
  reportedAtOnce(() => new dimse.requests.CStoreRequest(sample)),
  { ...onTheSame, path: 'delayed' },
)
