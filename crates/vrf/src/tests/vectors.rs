//! Examples 16 to 18 of RFC 9381, appendix B.3, with every value on the way.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

use crate::suite::{encode_to_curve, nonce};
use crate::{Proof, PublicKey, SecretKey};

struct Vector {
    secret: &'static str,
    public: &'static str,
    alpha: &'static str,
    x: &'static str,
    h: &'static str,
    k: &'static str,
    u: &'static str,
    v: &'static str,
    pi: &'static str,
    beta: &'static str,
}

const VECTORS: [Vector; 3] = [
    Vector {
        secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        alpha: "",
        x: "307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f",
        h: "91bbed02a99461df1ad4c6564a5f5d829d0b90cfc7903e7a5797bd658abf3318",
        k: "8a49edbd1492a8ee09766befe50a7d563051bf3406cbffc20a88def030730f0f",
        u: "aef27c725be964c6a9bf4c45ca8e35df258c1878b838f37d9975523f09034071",
        v: "5016572f71466c646c119443455d6cb9b952f07d060ec8286d678615d55f954f",
        pi: "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f\
             26f8a57ccaed74ee1b190bed1f479d97\
             27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
        beta: "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff\
               66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    },
    Vector {
        secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        alpha: "72",
        x: "68bd9ed75882d52815a97585caf4790a7f6c6b3b7f821c5e259a24b02e502e51",
        h: "5b659fc3d4e9263fd9a4ed1d022d75eaacc20df5e09f9ea937502396598dc551",
        k: "d8c3a66921444cb3427d5d989f9b315aa8ca3375e9ec4d52207711a1fdb44107",
        u: "1dcb0a4821a2c48bf53548228b7f170962988f6d12f5439f31987ef41f034ab3",
        v: "fd03c0bf498c752161bae4719105a074630a2aa5f200ff7b3995f7bfb1513423",
        pi: "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593\
             3bf0864a62558b3ed7f2fea45c92a465\
             301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
        beta: "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb\
               5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    },
    Vector {
        secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        public: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        alpha: "af82",
        x: "909a8b755ed902849023a55b15c23d11ba4d7f4ec5c2f51b1325a181991ea95c",
        h: "bf4339376f5542811de615e3313d2b36f6f53c0acfebb482159711201192576a",
        k: "5ffdbc72135d936014e8ab708585fda379405542b07e3bd2c0bd48437fbac60a",
        u: "2bae73e15a64042fcebf062abe7e432b2eca6744f3e8265bc38e009cd577ecd5",
        v: "88cba1cb0d4f9b649d9a86026b69de076724a93a65c349c988954f0961c5d506",
        pi: "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80\
             96bb474e53895c362d8628ee9f9ea3c0\
             e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
        beta: "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45\
               2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
    },
];

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

#[test]
fn proofs_and_outputs_are_those_of_the_rfc() {
    for vector in VECTORS {
        let secret = SecretKey::from_seed(bytes(vector.secret));
        let alpha = hex::decode(vector.alpha).unwrap();
        assert_eq!(hex::encode(secret.public_key().as_bytes()), vector.public);

        let (proof, output) = secret.prove(&alpha);
        assert_eq!(hex::encode(proof.to_bytes()), vector.pi);
        assert_eq!(hex::encode(output.as_bytes()), vector.beta);

        let public = PublicKey::from_bytes(&bytes::<32>(vector.public)).unwrap();
        let proof = Proof::from_bytes(&bytes::<80>(vector.pi)).unwrap();
        assert_eq!(public.verify(&alpha, &proof), Ok(output));
        assert_eq!(proof.output(), output);
    }
}

#[test]
fn every_step_is_that_of_the_rfc() {
    for vector in VECTORS {
        let secret = SecretKey::from_seed(bytes(vector.secret));
        // The RFC prints x clamped and not reduced.
        assert_eq!(*secret.x, Scalar::from_bytes_mod_order(bytes(vector.x)));

        let alpha = hex::decode(vector.alpha).unwrap();
        let h = encode_to_curve(secret.public_key().encoded(), &alpha).unwrap();
        assert_eq!(hex::encode(h.compress().as_bytes()), vector.h);

        let k = nonce(&secret.prefix, &h.compress());
        assert_eq!(hex::encode(k.as_bytes()), vector.k);
        assert_eq!(hex::encode(EdwardsPoint::mul_base(&k).compress().as_bytes()), vector.u);
        assert_eq!(hex::encode((h * *k).compress().as_bytes()), vector.v);
    }
}
