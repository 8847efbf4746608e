export { firstCommand, isDelayable, sendsDatasets } from './delayable.ts'
export { offer } from './offer.ts'
export { promise } from './promise.ts'
