//! The surface of a solid: the faces of filled voxels that no other filled voxel covers.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;

use super::VoxelGrid;

/// Squares with shared corners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mesh {
    /// The corners, [x, y, z] in voxels, y up.
    pub corners: Vec<[u32; 3]>,
    /// The corners of each square, counterclockwise as seen from outside.
    pub faces: Vec<[u32; 4]>,
}

/// For each side of a voxel: the neighbor [z, y, x] that would cover it, and its corners [x, y, z], y down.
const SIDES: [([i64; 3], [[u32; 3]; 4]); 6] = [
    ([-1, 0, 0], [[0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0]]),
    ([1, 0, 0], [[1, 1, 1], [0, 1, 1], [0, 0, 1], [1, 0, 1]]),
    ([0, -1, 0], [[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]]),
    ([0, 1, 0], [[0, 1, 1], [1, 1, 1], [1, 1, 0], [0, 1, 0]]),
    ([0, 0, -1], [[0, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]]),
    ([0, 0, 1], [[1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 0, 0]]),
];

impl Mesh {
    /// The surface of a grid.
    pub fn of(grid: &VoxelGrid) -> Self {
        let [depth, height, width] = grid.size();
        let mut mesh = Self::default();
        let mut known: HashMap<[u32; 3], u32> = HashMap::new();
        for z in 0..depth as i64 {
            for y in 0..height as i64 {
                for x in 0..width as i64 {
                    if !grid.is_filled([z, y, x]) {
                        continue;
                    }
                    let open = SIDES.iter().filter(|([dz, dy, dx], _)| !grid.is_filled([z + dz, y + dy, x + dx]));
                    for (_, corners) in open {
                        let face = corners.map(|[cx, cy, cz]| {
                            let down = y as u32 + cy;
                            let corner = [x as u32 + cx, height as u32 - down, z as u32 + cz];
                            *known.entry(corner).or_insert_with(|| {
                                mesh.corners.push(corner);
                                mesh.corners.len() as u32 - 1
                            })
                        });
                        mesh.faces.push(face);
                    }
                }
            }
        }
        mesh
    }

    /// Writes Wavefront's OBJ. z points to the viewer there, so it is turned around.
    /// # Errors
    /// When `output` fails.
    pub fn write_obj(&self, comment: &str, output: &mut dyn Write) -> Result<()> {
        writeln!(output, "# {comment}")?;
        for [x, y, z] in &self.corners {
            writeln!(output, "v {x} {y} {}", -i64::from(*z))?;
        }
        for face in &self.faces {
            let [a, b, c, d] = face.map(|corner| corner + 1);
            writeln!(output, "f {a} {b} {c} {d}")?;
        }
        Ok(())
    }

    /// Writes Stanford's PLY, as text. z points to the viewer there, so it is turned around.
    /// # Errors
    /// When `output` fails.
    pub fn write_ply(&self, comment: &str, output: &mut dyn Write) -> Result<()> {
        writeln!(output, "ply\nformat ascii 1.0\ncomment {comment}\nelement vertex {}", self.corners.len())?;
        writeln!(output, "property float x\nproperty float y\nproperty float z\nelement face {}", self.faces.len())?;
        writeln!(output, "property list uchar int vertex_indices\nend_header")?;
        for [x, y, z] in &self.corners {
            writeln!(output, "{x} {y} {}", -i64::from(*z))?;
        }
        for [a, b, c, d] in &self.faces {
            writeln!(output, "4 {a} {b} {c} {d}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_of_two_voxels_has_ten_faces_that_look_outside() {
        let grid = VoxelGrid::new([1, 1, 2], vec![true, true]).unwrap();
        let mesh = Mesh::of(&grid);
        assert_eq!((mesh.corners.len(), mesh.faces.len()), (12, 10));
        // The volume by the divergence theorem is positive, and that of two voxels, if all faces look outside.
        let mut volume = 0.0;
        for face in &mesh.faces {
            let [a, b, c, d] = face.map(|corner| mesh.corners[corner as usize].map(f64::from));
            for [a, b, c] in [[a, b, c], [a, c, d]] {
                // z is turned around, as in the files.
                let [a, b, c] = [a, b, c].map(|[x, y, z]| [x, y, -z]);
                let cross = [b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]];
                volume += (a[0] * cross[0] + a[1] * cross[1] + a[2] * cross[2]) / 6.0;
            }
        }
        assert!((volume - 2.0).abs() < 1e-9, "{volume}");
        let mut obj = Vec::new();
        mesh.write_obj("a bar", &mut obj).unwrap();
        let obj = String::from_utf8(obj).unwrap();
        assert_eq!((obj.matches("v ").count(), obj.matches("f ").count()), (12, 10));
        let mut ply = Vec::new();
        mesh.write_ply("a bar", &mut ply).unwrap();
        assert!(String::from_utf8(ply).unwrap().contains("element vertex 12\n"));
    }
}
