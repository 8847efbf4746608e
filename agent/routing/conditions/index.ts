export { beyondBounds } from './bounds.ts'
export { cheapFirst, compileWhen } from './when.ts'
