import type { ServiceData } from '../contract/data.ts';
import type { Faults } from '../errors.ts';
import type { Plan } from './plan.ts';
/** Who in this app owns which name, so that two services never take each other's messages unseen. */
export declare class Owners {
    #private;
    /** Notes every clash; claims nothing before `claim`. */
    check(contract: ServiceData, as: string, plan: Plan, faults: Faults): void;
    claim(contract: ServiceData, as: string, plan: Plan): () => void;
}
